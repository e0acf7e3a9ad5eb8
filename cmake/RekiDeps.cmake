# Every dependency is a Debian 12 package, and each has one target name in the rest of the tree.
# Included by the build and by the installed package's config file.
include(CMakeFindDependencyMacro)
find_dependency(Threads)
find_dependency(PkgConfig)  # cppzmq's config asks it for libzmq
find_dependency(cppzmq 4.9 CONFIG)
find_dependency(tl-expected CONFIG)
find_dependency(spdlog 1.10 CONFIG)
find_dependency(tomlplusplus 3.3 CONFIG)
find_dependency(nlohmann_json 3.11 CONFIG)
find_dependency(absl CONFIG)

# Debian 12 has msgpack-cxx 4.1 as package "msgpack", target "msgpackc-cxx"; from 5 on both are "msgpack-cxx".
find_package(msgpack-cxx CONFIG QUIET)
if(NOT TARGET msgpack-cxx)
  find_dependency(msgpack 4.1 CONFIG)
endif()
if(NOT TARGET reki::msgpack)
  add_library(reki::msgpack INTERFACE IMPORTED)
  target_link_libraries(reki::msgpack INTERFACE $<IF:$<TARGET_EXISTS:msgpack-cxx>,msgpack-cxx,msgpackc-cxx>)
  target_compile_definitions(reki::msgpack INTERFACE MSGPACK_NO_BOOST)  # a fifth less to compile
endif()

# Header-only packages without a CMake file of their own.
function(reki_header_package target header)
  string(MAKE_C_IDENTIFIER "${target}_include_dir" var)
  find_path(${var} ${header} REQUIRED)
  if(NOT TARGET reki::${target})
    add_library(reki::${target} INTERFACE IMPORTED)
    target_include_directories(reki::${target} SYSTEM INTERFACE ${${var}})
  endif()
endfunction()
reki_header_package(xxhash xxhash.h)
reki_header_package(concurrentqueue concurrentqueue/concurrentqueue.h)
set_property(TARGET reki::xxhash PROPERTY INTERFACE_COMPILE_DEFINITIONS XXH_INLINE_ALL)
