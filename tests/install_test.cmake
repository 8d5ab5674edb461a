# Installs the build into a scratch prefix, moves that elsewhere and builds and runs tests/install against it:
#   cmake -DROOT=<project> -DBUILD=<build folder> -DWORK=<scratch folder> -DCONFIG=<build type> -DCOMPILER=<c++>
#         -DGENERATOR=<generator> -DWITH_MAIN=<bool> -P tests/install_test.cmake
cmake_minimum_required(VERSION 3.22)

function(run)
  execute_process(COMMAND ${ARGN} WORKING_DIRECTORY ${WORK} RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "failed (${status}): ${command}")
  endif()
endfunction()

file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/stage --config ${CONFIG})
# No path of the build may be left in what is installed.
file(RENAME ${WORK}/stage ${WORK}/prefix)
file(GLOB_RECURSE package_files ${WORK}/prefix/*.cmake)
foreach(file IN LISTS package_files)
  file(STRINGS ${file} leaks REGEX "${BUILD}|${ROOT}/src|${WORK}/stage")
  if(leaks)
    message(FATAL_ERROR "${file} names the build: ${leaks}")
  endif()
endforeach()

run(${CMAKE_COMMAND} -S ${ROOT}/tests/install -B ${WORK}/build -G ${GENERATOR} -DCMAKE_BUILD_TYPE=${CONFIG}
    -DCMAKE_CXX_COMPILER=${COMPILER} -DCMAKE_PREFIX_PATH=${WORK}/prefix -DWITH_MAIN=${WITH_MAIN})
run(${CMAKE_COMMAND} --build ${WORK}/build --config ${CONFIG})
run(${WORK}/build/quickstart)
if(WITH_MAIN)
  run(${WORK}/build/objective --help)
  run(${WORK}/prefix/bin/bluefin --version)
  run(${WORK}/prefix/bin/bluefin run --storage sqlite:///plugin.db --study-name s --create --n-trials 3
      --plugin ${WORK}/build/plugin.so)
  if(NOT EXISTS ${WORK}/prefix/share/bluefin/bluefin_client.py)
    message(FATAL_ERROR "share/bluefin/bluefin_client.py is not installed")
  endif()
endif()
