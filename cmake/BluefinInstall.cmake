# What `cmake --install` puts where, and how find_package(bluefin) finds it again.
include(CMakePackageConfigHelpers)

set(BLUEFIN_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/bluefin)

install(DIRECTORY include/bluefin DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.hpp")
install(TARGETS bluefin EXPORT bluefinTargets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT bluefinTargets NAMESPACE bluefin:: DESTINATION ${BLUEFIN_CMAKE_DIR})

# bluefin::main has a file of its own: only it needs Boost.
if(BLUEFIN_BUILD_CLI)
  install(TARGETS bluefin_main EXPORT bluefinMainTargets
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(EXPORT bluefinMainTargets NAMESPACE bluefin:: DESTINATION ${BLUEFIN_CMAKE_DIR})
  install(TARGETS bluefin_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  # For Python programs that carry a copy of it; the command has its own.
  install(FILES python/client/bluefin_client.py DESTINATION ${CMAKE_INSTALL_DATADIR}/bluefin)
  if(TARGET bluefin_gpu_probe)
    install(TARGETS bluefin_gpu_probe RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  endif()
  if(BUILD_SHARED_LIBS)
    set_target_properties(bluefin_cli bluefin_main PROPERTIES
      INSTALL_RPATH "$ORIGIN;$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
  endif()
endif()

configure_package_config_file(cmake/bluefinConfig.cmake.in ${PROJECT_BINARY_DIR}/bluefinConfig.cmake
  INSTALL_DESTINATION ${BLUEFIN_CMAKE_DIR} NO_SET_AND_CHECK_MACRO)
# Before 1.0 a minor version may change the interface.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/bluefinConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/bluefinConfig.cmake ${PROJECT_BINARY_DIR}/bluefinConfigVersion.cmake
  cmake/BluefinPlugin.cmake
  DESTINATION ${BLUEFIN_CMAKE_DIR})
