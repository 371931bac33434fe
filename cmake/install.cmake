# Installation: library, headers, program, CMake package, pkg-config file, manual, completion.
include(CMakePackageConfigHelpers)

install(TARGETS ballast_shared ballast_static
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/ballast DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")

set(BALLAST_PC_REQUIRES "jansson yaml-0.1 libjpeg libpng libwebp zlib")
# By name: the .pc files of these would ask for the static form of all that they stand on.
set(BALLAST_PC_LIBS "-llapacke -lopenblas -larchive -lcurl -lcrypto -lsvm -lm -pthread -ldl")
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

    # The program writes its man page and the completion scripts itself.
    set(written)
    macro(ballast_writes file folder) # then the words of the command
        add_custom_command(OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/share/${file}
            COMMAND ${CMAKE_COMMAND} -E make_directory share
            COMMAND ballast ${ARGN} > share/${file} DEPENDS ballast VERBATIM)
        list(APPEND written ${CMAKE_CURRENT_BINARY_DIR}/share/${file})
        install(FILES ${CMAKE_CURRENT_BINARY_DIR}/share/${file} DESTINATION ${folder})
    endmacro()
    ballast_writes(ballast.1 ${CMAKE_INSTALL_MANDIR}/man1 manual --roff)
    ballast_writes(ballast ${CMAKE_INSTALL_DATADIR}/bash-completion/completions completion bash)
    ballast_writes(_ballast ${CMAKE_INSTALL_DATADIR}/zsh/site-functions completion zsh)
    ballast_writes(ballast.fish ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d completion fish)
    add_custom_target(ballast_written ALL DEPENDS ${written})
endif()
