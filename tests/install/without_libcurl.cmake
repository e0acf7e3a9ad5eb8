# The consumer again, as on a machine without libcurl's development files: nothing is compiled anew, but it is linked otherwise.
include(${CMAKE_CURRENT_LIST_DIR}/common.cmake)
set(consumer ${WORK}/consumer)
configure(${CMAKE_CURRENT_LIST_DIR}/consumer ${consumer} -DREKI_CURL_LIBRARY=)
run(${CMAKE_COMMAND} --build ${consumer})
run(${consumer}/uses_etcd cannot)
execute_process(COMMAND readelf -d ${consumer}/uses_etcd OUTPUT_VARIABLE needed COMMAND_ERROR_IS_FATAL ANY)
if(needed MATCHES "libcurl" OR NOT needed MATCHES "libzmq")
  message(FATAL_ERROR "uses_etcd was linked without libcurl, and needs it:\n${needed}")
endif()

# Who wants an etcd is told at once.
execute_process(COMMAND ${CMAKE_COMMAND} -DREKI_COMPONENTS=etcd ${consumer} RESULT_VARIABLE code OUTPUT_QUIET ERROR_VARIABLE text)
if(code EQUAL 0 OR NOT text MATCHES "component etcd: ")
  message(FATAL_ERROR "find_package(reki COMPONENTS etcd) without libcurl: exit code ${code}\n${text}")
endif()
