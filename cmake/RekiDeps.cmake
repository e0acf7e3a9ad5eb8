# Every dependency is a Debian 12 package, and each has one target name in the rest of the tree.
# Included by the build, where one that is missing ends the configuration, and by the installed package's config file,
# where it makes reki not found. (find_dependency alone would let the build go on without it.)
include(CMakeFindDependencyMacro)
macro(reki_dependency)
  if(CMAKE_FIND_PACKAGE_NAME)
    find_dependency(${ARGV})
  else()
    find_package(${ARGV} REQUIRED)
  endif()
endmacro()
reki_dependency(Threads)
reki_dependency(PkgConfig)  # cppzmq's config asks it for libzmq
reki_dependency(cppzmq 4.9 CONFIG)
reki_dependency(tl-expected CONFIG)
reki_dependency(spdlog 1.10 CONFIG)
reki_dependency(tomlplusplus 3.3 CONFIG)
reki_dependency(nlohmann_json 3.11 CONFIG)
reki_dependency(absl CONFIG)

# libcurl, as reki::libcurl. The package asks for the library alone, and only for who wants an etcd: without it
# reki::etcd is the one that refuses.
if(CMAKE_FIND_PACKAGE_NAME)
  if(REKI_PACKAGE_HAS_ETCD AND NOT TARGET reki::libcurl)
    find_library(REKI_CURL_LIBRARY curl)  # -DREKI_CURL_LIBRARY= leaves it out where it is
    mark_as_advanced(REKI_CURL_LIBRARY)
    if(REKI_CURL_LIBRARY)
      add_library(reki::libcurl UNKNOWN IMPORTED)
      set_target_properties(reki::libcurl PROPERTIES IMPORTED_LOCATION ${REKI_CURL_LIBRARY})
    endif()
  endif()
elseif(REKI_ETCD)
  reki_dependency(CURL)
  add_library(reki::libcurl INTERFACE IMPORTED GLOBAL)
  target_link_libraries(reki::libcurl INTERFACE CURL::libcurl)
endif()

# Header-only, and only in the commands: nobody who uses the package needs it.
if(NOT CMAKE_FIND_PACKAGE_NAME)
  reki_dependency(CLI11 2.1 CONFIG)
endif()

# Debian 12 has msgpack-cxx 4.1 as package "msgpack", target "msgpackc-cxx"; from 5 on both are "msgpack-cxx".
find_package(msgpack-cxx CONFIG QUIET)
if(NOT TARGET msgpack-cxx)
  reki_dependency(msgpack 4.1 CONFIG)
endif()
if(NOT TARGET reki::msgpack)
  add_library(reki::msgpack INTERFACE IMPORTED GLOBAL)
  target_link_libraries(reki::msgpack INTERFACE $<IF:$<TARGET_EXISTS:msgpack-cxx>,msgpack-cxx,msgpackc-cxx>)
  target_compile_definitions(reki::msgpack INTERFACE MSGPACK_NO_BOOST)  # a fifth less to compile
endif()

# Header-only packages without a CMake file of their own.
macro(reki_header_package name header)
  find_path(REKI_${name}_INCLUDE_DIR ${header})
  mark_as_advanced(REKI_${name}_INCLUDE_DIR)
  if(NOT REKI_${name}_INCLUDE_DIR AND CMAKE_FIND_PACKAGE_NAME)
    set(${CMAKE_FIND_PACKAGE_NAME}_FOUND FALSE)
    set(${CMAKE_FIND_PACKAGE_NAME}_NOT_FOUND_MESSAGE "the header ${header} is missing")
    return()
  elseif(NOT REKI_${name}_INCLUDE_DIR)
    message(FATAL_ERROR "The header ${header} is missing: scripts/packages.txt lists the packages.")
  elseif(NOT TARGET reki::${name})
    add_library(reki::${name} INTERFACE IMPORTED GLOBAL)
    target_include_directories(reki::${name} SYSTEM INTERFACE ${REKI_${name}_INCLUDE_DIR})
  endif()
endmacro()
reki_header_package(xxhash xxhash.h)
set_property(TARGET reki::xxhash PROPERTY INTERFACE_COMPILE_DEFINITIONS XXH_INLINE_ALL)
