# The installed package: find_package(reki CONFIG) gives every reki_library() as reki::NAME, pkg-config has reki-client,
# reki-node and reki-plugin. tests/install/ proves it.

# What users include.
set(REKI_PUBLIC_HEADERS
  actor.hpp client.hpp local_registry.hpp msgpack.hpp node.hpp plugin.hpp registry.hpp watch.hpp)
# Paths of earlier versions, each with a header that leads to what is there now.
set(REKI_EARLIER_HEADERS
  core/bytes.hpp core/config.hpp core/error.hpp core/hash.hpp core/ids.hpp core/limits.hpp core/restart_policy.hpp
  core/slot_table.hpp core/small_string.hpp core/text.hpp core/time.hpp core/view.hpp core/watch.hpp core/wire.hpp
  node/actor.hpp node/factories.hpp node/local_registry.hpp node/log.hpp node/node_main.hpp node/plugin.hpp
  node/plugin_host.hpp)
# What these need. All other headers are reki's own.
set(REKI_NEEDED_HEADERS
  actor/actor_ref.hpp actor/answer.hpp actor/completion.hpp actor/envelope.hpp actor/fields.hpp actor/message.hpp
  actor/msgpack_cxx.hpp actor/operation.hpp actor/pack.hpp actor/registry.hpp actor/registry_calls.hpp
  actor/schema.hpp actor/task.hpp actor/user_code.hpp actor/watch.hpp client/client.hpp core/activation/restart_policy.hpp core/activation/type_lease.hpp
  core/activation/waiter.hpp core/base/bytes.hpp core/base/cond_var.hpp core/base/error.hpp core/base/exception_text.hpp core/base/fork.hpp core/base/hash.hpp
  core/base/ids.hpp core/base/levels.hpp core/base/limits.hpp core/base/limits_time.hpp core/base/mutex.hpp core/base/owned.hpp
  core/base/pool.hpp core/base/shared_node_id.hpp core/base/small_string.hpp core/base/text.hpp core/base/time.hpp
  core/config/config.hpp core/membership/timing.hpp core/view/settings.hpp core/view/slot_table.hpp core/view/stage.hpp core/view/view.hpp core/watch/watch.hpp
  core/wire/bounds.hpp core/wire/msgpack_reader.hpp core/wire/msgpack_writer.hpp core/wire/outcome.hpp core/wire/request_body.hpp
  core/wire/wire.hpp node/actors/actor.hpp node/actors/factories.hpp node/node.hpp node/plugins/plugin.hpp
  node/plugins/plugin_host.hpp node/program/node_main.hpp node/registry/local_registry.hpp
  node/server/server_stats.hpp node/support/log.hpp)

foreach(header IN LISTS REKI_PUBLIC_HEADERS REKI_EARLIER_HEADERS REKI_NEEDED_HEADERS)
  set(file ${PROJECT_SOURCE_DIR}/include/reki/${header})
  if(NOT EXISTS ${file})
    set(file ${PROJECT_SOURCE_DIR}/${header})
  endif()
  cmake_path(GET header PARENT_PATH folder)
  install(FILES ${file} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/reki/${folder})
endforeach()

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

# reki_pkg_config(client "what it is" LIBRARIES client net … REQUIRES libzmq …): reki-client.pc.
# reki comes as archives alone, so whoever links it needs what it needs: all of it is in Libs and Requires, and
# `pkg-config --libs` is enough. (--static is for who wants the others' archives too; Debian's libzmq has none that links.)
function(reki_pkg_config name description)
  cmake_parse_arguments(PARSE_ARGV 2 A "" "" "LIBRARIES;SYSTEM;REQUIRES")
  set(REKI_PC_NAME reki-${name})
  set(REKI_PC_DESCRIPTION ${description})
  list(TRANSFORM A_LIBRARIES PREPEND -lreki_)
  list(JOIN A_LIBRARIES " " libraries)
  list(JOIN A_SYSTEM " " system)
  set(REKI_PC_LIBS "")
  if(A_LIBRARIES)
    string(JOIN " " REKI_PC_LIBS -L\${libdir} ${libraries} ${system})
  endif()
  list(JOIN A_REQUIRES ", " REKI_PC_REQUIRES)
  file(RELATIVE_PATH REKI_PC_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
  configure_file(${CMAKE_CURRENT_FUNCTION_LIST_DIR}/reki.pc.in ${PROJECT_BINARY_DIR}/reki-${name}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/reki-${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endfunction()

set(common absl_flat_hash_set tomlplusplus libzmq)
reki_pkg_config(plugin "Headers for plugins of reki-node, which bring no library" REQUIRES absl_core_headers)
reki_pkg_config(client "Client of clusters of reki, a distributed actor registry"
  LIBRARIES client net actor core levels SYSTEM -pthread REQUIRES ${common})
set(of_node absl_flat_hash_map absl_inlined_vector spdlog ${common})
reki_pkg_config(node "Registry inside a process, and nodes of reki, a distributed actor registry; without etcd"
  LIBRARIES node etcd_none net actor core levels SYSTEM -pthread -ldl REQUIRES ${of_node})
if(REKI_ETCD)
  reki_pkg_config(node-etcd "The same as reki-node, and nodes can have their register in an etcd"
    LIBRARIES node etcd_curl net actor core levels SYSTEM -pthread -ldl REQUIRES ${of_node} libcurl)
endif()
