# CUDA sources, by nvcc itself: CMake's own CUDA language costs every configuration seconds, and ends it where the toolkit
# does not fit the compiler. After include(BluefinNvcc), where find_package(CUDAToolkit) was tried before:
#
#   BLUEFIN_NVCC_WORKS                    TRUE if CUDA sources can be compiled here
#   bluefin_cuda_sources(target a.cu ...) compiles them into the target and links the CUDA runtime, statically
#
# -DBLUEFIN_CUDA=off: FALSE.

set(BLUEFIN_NVCC_WORKS FALSE)
if(NOT BLUEFIN_CUDA STREQUAL "off" AND TARGET CUDA::cudart_static)
  find_program(BLUEFIN_NVCC nvcc HINTS ${CUDAToolkit_BIN_DIR})
  mark_as_advanced(BLUEFIN_NVCC)
endif()

# Code for the GPUs of this machine; where there is none, for all of them by way of PTX.
set(BLUEFIN_NVCC_FLAGS -std=c++17 -O3 -ccbin ${CMAKE_CXX_COMPILER})
if(EXISTS /dev/nvidia0)
  list(APPEND BLUEFIN_NVCC_FLAGS -arch=native)
endif()

if(BLUEFIN_NVCC)
  # Once for each pair: nvcc refuses compilers that are newer than itself.
  string(MAKE_C_IDENTIFIER "BLUEFIN_NVCC_PROBE_${BLUEFIN_NVCC}_${CMAKE_CXX_COMPILER}" bluefin_nvcc_memo)
  if(NOT DEFINED ${bluefin_nvcc_memo})
    set(probe ${CMAKE_CURRENT_BINARY_DIR}/nvcc-probe)
    file(WRITE ${probe}/probe.cu "#include <vector>\n__global__ void f(int* p) { *p = 1; }\nvoid g(int* p) { f<<<1, 1>>>(p); }\n")
    execute_process(COMMAND ${BLUEFIN_NVCC} ${BLUEFIN_NVCC_FLAGS} -c ${probe}/probe.cu -o ${probe}/probe.o
      RESULT_VARIABLE status OUTPUT_FILE ${probe}/log.txt ERROR_FILE ${probe}/log.txt)
    if(status EQUAL 0)
      set(${bluefin_nvcc_memo} TRUE CACHE INTERNAL "${BLUEFIN_NVCC} works with ${CMAKE_CXX_COMPILER}")
    else()
      message(STATUS "nvcc does not work with ${CMAKE_CXX_COMPILER}, see ${probe}/log.txt: CUDA sources are left out")
    endif()
  endif()
  if(${bluefin_nvcc_memo})
    set(BLUEFIN_NVCC_WORKS TRUE)
  endif()
endif()

function(bluefin_cuda_sources target)
  foreach(source IN LISTS ARGN)
    cmake_path(ABSOLUTE_PATH source NORMALIZE)
    cmake_path(GET source STEM name)
    set(object ${CMAKE_CURRENT_BINARY_DIR}/${target}_${name}.o)
    add_custom_command(OUTPUT ${object}
      COMMAND ${BLUEFIN_NVCC} ${BLUEFIN_NVCC_FLAGS} -MD -MF ${object}.d -c ${source} -o ${object}
      DEPENDS ${source} DEPFILE ${object}.d COMMENT "nvcc ${name}.cu" VERBATIM)
    target_sources(${target} PRIVATE ${object})
  endforeach()
  target_link_libraries(${target} PRIVATE CUDA::cudart_static)
endfunction()
