# SPDX-License-Identifier: MIT
"""What bluefin costs beside its peers: bench/run measures, this package knows how."""
