# Compiler flags of every target. No -ffast-math anywhere: floats stay IEEE. -fno-math-errno: nobody asks
# errno about sqrt, and loops with one can then use vectors; the results are the same bits.
add_library(ballast_flags INTERFACE)
target_compile_features(ballast_flags INTERFACE c_std_11)
target_compile_definitions(ballast_flags INTERFACE _GNU_SOURCE)
target_compile_options(ballast_flags INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wcast-qual
    -Wwrite-strings -Wvla -Wundef -ffp-contract=off -fno-math-errno)
if(BALLAST_WERROR)
    target_compile_options(ballast_flags INTERFACE -Werror)
endif()
if(BALLAST_SANITIZE)
    target_compile_options(ballast_flags INTERFACE -fsanitize=${BALLAST_SANITIZE} -fno-omit-frame-pointer
                           -fno-sanitize-recover=all)
    target_link_options(ballast_flags INTERFACE -fsanitize=${BALLAST_SANITIZE})
endif()
if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE Release)
endif()
