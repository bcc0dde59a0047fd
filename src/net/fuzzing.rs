//! Bodies of the fuzz targets of this room.
