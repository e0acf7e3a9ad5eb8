# A project that has reki's source tree as a part of its own. Its plugin is built, for which no library of reki's is needed;
# of the client, which links some, the build is only planned.
include(${CMAKE_CURRENT_LIST_DIR}/common.cmake)
set(folder ${WORK}/${HOW})
file(REMOVE_RECURSE ${folder})
configure(${CMAKE_CURRENT_LIST_DIR}/embedder ${folder} -DHOW=${HOW} -DREKI_SOURCE=${REKI_SOURCE})
run(${CMAKE_COMMAND} --build ${folder} --target tally)
if(GENERATOR STREQUAL "Ninja")
  execute_process(COMMAND ${CMAKE_COMMAND} --build ${folder} --target uses_client uses_node -- -n
    OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
endif()

# What is reki's own business does not come along: no tests, no examples, nothing to install.
execute_process(COMMAND ${CMAKE_COMMAND} --build ${folder} --target help OUTPUT_VARIABLE targets COMMAND_ERROR_IS_FATAL ANY)
if(targets MATCHES "core_test|local_bench|counter_client" OR NOT targets MATCHES "libreki_core.a")
  message(FATAL_ERROR "unexpected targets:\n${targets}")
endif()
run(${CMAKE_COMMAND} --install ${folder} --prefix ${folder}/prefix)
if(EXISTS ${folder}/prefix/include)
  message(FATAL_ERROR "the project's installation has reki's headers in it")
endif()
