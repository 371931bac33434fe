# Installation: library, headers, program, CMake package, pkg-config file, manual, completion.
include(CMakePackageConfigHelpers)

install(TARGETS ballast_shared ballast_static
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/ballast DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")

set(BALLAST_PC_REQUIRES "jansson yaml-0.1 libjpeg libpng zlib")
set(BALLAST_PC_LIBS "-lm -pthread")
if(BALLAST_ONEDNN)
    string(APPEND BALLAST_PC_LIBS " -ldnnl ${OpenMP_C_FLAGS}")
endif()
configure_file(cmake/ballast.pc.in ballast.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/ballast.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

configure_package_config_file(cmake/ballast-config.cmake.in ballast-config.cmake
    INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/ballast PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file(ballast-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/ballast-config.cmake
    ${CMAKE_CURRENT_BINARY_DIR}/ballast-config-version.cmake
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/ballast)

if(TARGET ballast)
    install(TARGETS ballast RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
