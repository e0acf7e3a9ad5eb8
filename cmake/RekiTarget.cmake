include(GNUInstallDirs)

# In the tree and after installation alike, headers are included as "reki/actor.hpp" (users' own, in include/) and as
# "reki/core/base/ids.hpp" (all others).
file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/include)
file(CREATE_LINK ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR}/include/reki SYMBOLIC)
set(REKI_INCLUDE_ROOT ${PROJECT_SOURCE_DIR}/include ${PROJECT_BINARY_DIR}/include)

# reki_library(core SOURCES a.cpp b.cpp [LINK t…] [PRIVATE_LINK t…])
# Makes libreki_core with its alias reki::core, installed and exported. Its headers are in RekiInstall.cmake.
function(reki_library name)
  cmake_parse_arguments(PARSE_ARGV 1 A "" "" "SOURCES;LINK;PRIVATE_LINK")
  set(target reki_${name})
  add_library(${target} STATIC ${A_SOURCES})
  add_library(reki::${name} ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})
  target_include_directories(${target} PUBLIC
    "$<BUILD_INTERFACE:${REKI_INCLUDE_ROOT}>" $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_link_libraries(${target} PUBLIC ${A_LINK} PRIVATE ${A_PRIVATE_LINK} $<BUILD_INTERFACE:reki_flags>)
  if(REKI_INSTALL)
    install(TARGETS ${target} EXPORT reki)
  endif()
endfunction()

# reki_test(core_test SOURCES a.cpp … LINK reki::core [LABELS l…] [TIMEOUT s] [SERIAL])
# Makes a Boost.Test binary each case of which is a test of ctest's.
function(reki_test name)
  cmake_parse_arguments(PARSE_ARGV 1 A "SERIAL" "TIMEOUT" "SOURCES;LINK;LABELS")
  if(NOT TARGET reki_test_main)  # compiled once, and without precompiled headers: main is in one of them, if a macro says so
    add_library(reki_test_main OBJECT ${PROJECT_SOURCE_DIR}/tests/main.cpp)
    target_link_libraries(reki_test_main PUBLIC Boost::unit_test_framework PRIVATE reki_flags)
    set_target_properties(reki_test_main PROPERTIES DISABLE_PRECOMPILE_HEADERS ON)
  endif()
  add_executable(${name} ${A_SOURCES})
  target_link_libraries(${name} PRIVATE ${A_LINK} reki_test_main Boost::unit_test_framework reki_flags)
  reki_discover_tests(${name} LABELS "${A_LABELS}" TIMEOUT "${A_TIMEOUT}" SERIAL ${A_SERIAL})
endfunction()
