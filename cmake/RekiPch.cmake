# Precompiled headers: most of what a compiler does for a file of ours is to read the standard library, Abseil and
# Boost.Test once more. Nothing of ours is in them, so that a change of ours rebuilds what includes it and no more.
# Off where each file has to prove that it includes what it uses: preset release, and clang-tidy.
option(REKI_PCH "Precompile the headers of the standard library, Abseil and Boost.Test; presets dev and tsan do" OFF)

# Not <filesystem>: it brings std::quoted along, which a call of our own `quoted` with a string finds as well.
set(REKI_PCH_HEADERS
  <algorithm> <array> <atomic> <bit> <charconv> <chrono> <compare> <condition_variable> <cstddef> <cstdint> <cstdio>
  <cstdlib> <cstring> <deque> <exception> <fstream> <functional> <future> <iostream> <iterator> <limits>
  <map> <memory> <mutex> <new> <numeric> <optional> <random> <set> <span> <sstream> <stdexcept> <string> <string_view>
  <system_error> <thread> <tuple> <type_traits> <unordered_map> <utility> <variant> <vector>
  <absl/container/flat_hash_map.h> <absl/container/flat_hash_set.h> <absl/container/inlined_vector.h> <tl/expected.hpp>)

if(REKI_PCH AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options(-fpch-preprocess)  # without it ccache does not see which header was precompiled
endif()

# A target that compiles the headers once, for those whose flags are the same.
function(reki_pch_holder name)
  cmake_parse_arguments(PARSE_ARGV 1 A "PROGRAMS" "" "HEADERS;LINK")
  file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/${name}.cpp CONTENT "")
  add_library(${name} OBJECT EXCLUDE_FROM_ALL ${CMAKE_CURRENT_BINARY_DIR}/${name}.cpp)
  target_compile_features(${name} PRIVATE cxx_std_20)
  target_link_libraries(${name} PRIVATE tl::expected absl::flat_hash_map absl::inlined_vector ${A_LINK} reki_flags)
  target_precompile_headers(${name} PRIVATE ${REKI_PCH_HEADERS} ${A_HEADERS})
  if(A_PROGRAMS AND CMAKE_POSITION_INDEPENDENT_CODE)  # CMake gives programs -fPIE, and libraries -fPIC
    set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
    target_compile_options(${name} PRIVATE -fPIE)
  endif()
endfunction()

function(reki_targets_below directory result)
  get_property(targets DIRECTORY ${directory} PROPERTY BUILDSYSTEM_TARGETS)
  get_property(folders DIRECTORY ${directory} PROPERTY SUBDIRECTORIES)
  foreach(folder IN LISTS folders)
    reki_targets_below(${folder} more)
    list(APPEND targets ${more})
  endforeach()
  set(${result} ${targets} PARENT_SCOPE)
endfunction()

# The holder of this folder that fits the target, or nothing.
function(reki_pch_of target prefix result)
  get_target_property(type ${target} TYPE)
  get_target_property(libraries ${target} LINK_LIBRARIES)
  get_target_property(independent ${target} POSITION_INDEPENDENT_CODE)
  set(holder "")
  if(type STREQUAL "EXECUTABLE" AND "Boost::unit_test_framework" IN_LIST libraries AND TARGET ${prefix}_tests)
    set(holder ${prefix}_tests)
  elseif(type MATCHES "^(STATIC|MODULE|OBJECT)_LIBRARY$" AND independent)
    set(holder ${prefix}_libraries)
  elseif(type MATCHES "^(EXECUTABLE|STATIC_LIBRARY|OBJECT_LIBRARY)$")
    set(holder ${prefix}_programs)
  endif()
  set(${result} ${holder} PARENT_SCOPE)
endfunction()

# At the end of a folder whose flags are its own: gives the targets of this folder and those below
# their precompiled headers, but for those that have some already.
function(reki_precompile_headers prefix)
  if(NOT REKI_PCH)
    return()
  endif()
  reki_targets_below(${CMAKE_CURRENT_SOURCE_DIR} targets)
  reki_pch_holder(${prefix}_libraries)
  reki_pch_holder(${prefix}_programs PROGRAMS)
  if(TARGET Boost::unit_test_framework)
    reki_pch_holder(${prefix}_tests PROGRAMS HEADERS <boost/test/unit_test.hpp> LINK Boost::unit_test_framework)
  endif()
  foreach(target IN LISTS targets)
    get_target_property(own ${target} PRECOMPILE_HEADERS)
    get_target_property(reused ${target} PRECOMPILE_HEADERS_REUSE_FROM)
    reki_pch_of(${target} ${prefix} holder)
    if(holder AND NOT own AND NOT reused)
      target_precompile_headers(${target} REUSE_FROM ${holder})
    endif()
  endforeach()
endfunction()
