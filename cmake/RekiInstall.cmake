# The installed package: find_package(reki CONFIG) gives every reki_library() as reki::NAME. tests/install/ proves it.
include(CMakePackageConfigHelpers)
set(REKI_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/reki)
install(EXPORT reki NAMESPACE reki:: FILE rekiTargets.cmake DESTINATION ${REKI_PACKAGE_DIR})
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/rekiConfig.cmake.in ${PROJECT_BINARY_DIR}/rekiConfig.cmake
  INSTALL_DESTINATION ${REKI_PACKAGE_DIR} NO_SET_AND_CHECK_MACRO)
# Below 1.0 a minor version may change the API.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/rekiConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(
  FILES ${PROJECT_BINARY_DIR}/rekiConfig.cmake ${PROJECT_BINARY_DIR}/rekiConfigVersion.cmake
        ${CMAKE_CURRENT_LIST_DIR}/RekiDeps.cmake ${CMAKE_CURRENT_LIST_DIR}/RekiPlugin.cmake
  DESTINATION ${REKI_PACKAGE_DIR})
