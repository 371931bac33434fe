# Installation: library, headers, program, CMake package, pkg-config file, manual.
