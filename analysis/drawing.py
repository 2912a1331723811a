"""What drawing takes, to be imported while there is nothing else to do: matplotlib takes half a second."""

import matplotlib.backends.backend_agg
import matplotlib.figure  # noqa: F401
