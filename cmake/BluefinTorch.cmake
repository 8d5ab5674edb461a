# LibTorch for the examples. After include(BluefinTorch):
#
#   BLUEFIN_TORCH_FOUND    TRUE if there is one; then link the target bluefin_torch
#   BLUEFIN_TORCH_VERSION  1.13.0, 2.13.0, ...
#   BLUEFIN_TORCH_SOURCE   where it was found: Torch_DIR, CMAKE_PREFIX_PATH, TORCH_PYTHON, .venv or distribution
#   BLUEFIN_TORCH_CUDA     TRUE if it was built for CUDA
#
# They are looked for in that order; -DBLUEFIN_TORCH=off looks for none. The library itself never needs LibTorch.
#
# A wheel or an unpacked archive has its headers and libraries in one folder, and the target is made from these: its
# find_package(Torch) stops for want of a CUDA toolkit where the wheel is for CUDA, and mixes in the libraries of a
# libtorch-dev that is installed as well. A distribution's package is found by find_package(Torch), which is tried in a
# CMake process of its own first, since Torch's files end the configuration where something is missing.

set(BLUEFIN_TORCH_MINIMUM 1.13)

# Sets the variable to the pairs "source|folder of TorchConfig.cmake" that exist, in the order of preference.
function(bluefin_torch_candidates result)
  set(candidates "")
  foreach(dir IN ITEMS "${Torch_DIR}" "$ENV{Torch_DIR}")
    if(dir AND EXISTS ${dir}/TorchConfig.cmake)
      list(APPEND candidates "Torch_DIR|${dir}")
    endif()
  endforeach()

  string(REPLACE ":" ";" prefixes "$ENV{CMAKE_PREFIX_PATH}")
  foreach(prefix IN LISTS CMAKE_PREFIX_PATH prefixes)
    # A LibTorch folder, or torch.utils.cmake_prefix_path, which is its share/cmake.
    foreach(dir IN ITEMS share/cmake/Torch Torch lib/cmake/Torch)
      if(EXISTS ${prefix}/${dir}/TorchConfig.cmake)
        list(APPEND candidates "CMAKE_PREFIX_PATH|${prefix}/${dir}")
      endif()
    endforeach()
  endforeach()

  # Kept, as CMake keeps CXX: a configuration that the build starts by itself may see another environment.
  if(DEFINED ENV{TORCH_PYTHON})
    set(TORCH_PYTHON "$ENV{TORCH_PYTHON}" CACHE FILEPATH "A Python that has torch" FORCE)
  endif()
  if(TORCH_PYTHON)
    # Finds the package without importing it, which would take seconds.
    execute_process(
      COMMAND ${TORCH_PYTHON} -c "import importlib.util as u; print(u.find_spec('torch').submodule_search_locations[0])"
      OUTPUT_VARIABLE root OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    if(root AND EXISTS ${root}/share/cmake/Torch/TorchConfig.cmake)
      list(APPEND candidates "TORCH_PYTHON|${root}/share/cmake/Torch")
    else()
      message(WARNING "TORCH_PYTHON=${TORCH_PYTHON} has no torch with C++ headers; it is not used.")
    endif()
  endif()

  file(GLOB dirs ${PROJECT_SOURCE_DIR}/.venv/lib/python3*/site-packages/torch/share/cmake/Torch)
  foreach(dir IN LISTS dirs)
    list(APPEND candidates ".venv|${dir}")
  endforeach()

  foreach(prefix IN ITEMS /usr/local /usr)
    foreach(dir IN ITEMS lib/${CMAKE_LIBRARY_ARCHITECTURE}/cmake/Torch share/cmake/Torch lib/cmake/Torch
                         lib64/cmake/Torch)
      if(EXISTS ${prefix}/${dir}/TorchConfig.cmake)
        list(APPEND candidates "distribution|${prefix}/${dir}")
      endif()
    endforeach()
  endforeach()
  set(${result} "${candidates}" PARENT_SCOPE)
endfunction()

# Sets the variable to TRUE if find_package(Torch) works with the given folder.
function(bluefin_torch_probe dir result)
  string(MAKE_C_IDENTIFIER "BLUEFIN_TORCH_PROBE_${dir}_${CMAKE_CXX_COMPILER}" memo)
  if(NOT DEFINED ${memo})
    set(probe ${CMAKE_CURRENT_BINARY_DIR}/torch-probe)
    file(REMOVE_RECURSE ${probe})
    file(WRITE ${probe}/CMakeLists.txt
      "cmake_minimum_required(VERSION 3.22)\n"
      "project(probe CXX)\n"
      "find_package(Torch REQUIRED PATHS \"${dir}\" NO_DEFAULT_PATH)\n")
    execute_process(
      COMMAND ${CMAKE_COMMAND} -S ${probe} -B ${probe}/build -G ${CMAKE_GENERATOR}
              -DCMAKE_CXX_COMPILER=${CMAKE_CXX_COMPILER} -DCMAKE_CXX_STANDARD=20
      RESULT_VARIABLE status OUTPUT_FILE ${probe}/log.txt ERROR_FILE ${probe}/log.txt)
    if(NOT status EQUAL 0)
      set(${result} FALSE PARENT_SCOPE)  # not remembered: what is missing may be installed by the next time
      return()
    endif()
    set(${memo} TRUE CACHE INTERNAL "find_package(Torch) works with ${dir}")
  endif()
  set(${result} TRUE PARENT_SCOPE)
endfunction()

# Makes bluefin_torch by find_package(Torch). A function, so that what Torch's own files set stays here.
function(bluefin_torch_from_package dir source)
  # Another LibTorch may have been found in this build folder before.
  unset(Caffe2_DIR CACHE)
  foreach(library IN ITEMS TORCH c10 C10_CUDA kineto)
    unset(${library}_LIBRARY CACHE)
  endforeach()
  set(CMAKE_CXX_STANDARD 20)
  set(CMAKE_MESSAGE_LOG_LEVEL ERROR)  # it warns of optional libraries that it can do without
  find_package(Torch QUIET REQUIRED PATHS ${dir} NO_DEFAULT_PATH)
  if(NOT source STREQUAL "Torch_DIR")
    unset(Torch_DIR CACHE)  # or the next configuration takes it for the user's wish
  endif()
  target_link_libraries(bluefin_torch INTERFACE ${TORCH_LIBRARIES})
  target_include_directories(bluefin_torch SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})
  separate_arguments(flags UNIX_COMMAND "${TORCH_CXX_FLAGS}")
  target_compile_options(bluefin_torch INTERFACE ${flags})
endfunction()

# Makes bluefin_torch from a folder with include/ and lib/.
function(bluefin_torch_from_files dir root)
  target_include_directories(bluefin_torch SYSTEM INTERFACE
    ${root}/include ${root}/include/torch/csrc/api/include)
  # What the package would say; wheels without a word have the compiler's default, the new string ABI.
  file(STRINGS ${dir}/TorchConfig.cmake abi REGEX "_GLIBCXX_USE_CXX11_ABI=[01]" LIMIT_COUNT 1)
  if(abi MATCHES "_GLIBCXX_USE_CXX11_ABI=([01])")
    target_compile_definitions(bluefin_torch INTERFACE _GLIBCXX_USE_CXX11_ABI=${CMAKE_MATCH_1})
  endif()
  target_link_libraries(bluefin_torch INTERFACE
    ${root}/lib/libtorch.so ${root}/lib/libtorch_cpu.so ${root}/lib/libc10.so Threads::Threads)
  if(EXISTS ${root}/lib/libtorch_cuda.so)
    # No symbol of it is used by name: the linker would drop it, and torch would see no GPU. What it needs in turn
    # (cudart, cublas, ...) it finds by itself when it is loaded, and need not be found here.
    target_link_libraries(bluefin_torch INTERFACE
      "-Wl,--push-state,--no-as-needed,${root}/lib/libtorch_cuda.so,${root}/lib/libc10_cuda.so,--pop-state"
      -Wl,--allow-shlib-undefined)
    file(GLOB nvidia_dirs ${root}/../nvidia/*/lib)
    foreach(nvidia_dir IN LISTS nvidia_dirs)
      target_link_options(bluefin_torch INTERFACE -Wl,-rpath-link,${nvidia_dir})
    endforeach()
    bluefin_torch_cuda_headers(${root})
  endif()
endfunction()

# bluefin/torch.hpp asks LibTorch's allocator about a GPU where CUDA's headers are: those of the toolkit, or of the
# packages that PyTorch's wheels bring along.
function(bluefin_torch_cuda_headers root)
  find_package(CUDAToolkit QUIET)
  file(GLOB dirs ${root}/../nvidia/cu*/include ${root}/../nvidia/cuda_runtime/include)
  find_path(header cuda_runtime_api.h PATHS ${CUDAToolkit_INCLUDE_DIRS} ${dirs} NO_CACHE)
  if(header)
    target_compile_definitions(bluefin_torch INTERFACE BLUEFIN_TORCH_CUDA=1)
    target_include_directories(bluefin_torch SYSTEM INTERFACE ${header})
  else()
    message(STATUS "LibTorch is for CUDA, but no CUDA headers were found: trials cannot limit their GPU's memory")
  endif()
endfunction()

set(BLUEFIN_TORCH_FOUND FALSE)
if(BLUEFIN_TORCH STREQUAL "off")
  message(STATUS "LibTorch: off")
elseif(NOT CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  message(STATUS "LibTorch: not used, its headers are compiled with g++ only (this is ${CMAKE_CXX_COMPILER_ID})")
else()
  bluefin_torch_candidates(bluefin_torch_candidates)
  foreach(candidate IN LISTS bluefin_torch_candidates)
    string(REGEX MATCH "^([^|]*)\\|(.*)$" candidate "${candidate}")
    set(BLUEFIN_TORCH_SOURCE ${CMAKE_MATCH_1})
    set(bluefin_torch_dir ${CMAKE_MATCH_2})

    set(PACKAGE_VERSION "")
    include(${bluefin_torch_dir}/TorchConfigVersion.cmake OPTIONAL)
    set(BLUEFIN_TORCH_VERSION "${PACKAGE_VERSION}")
    if(BLUEFIN_TORCH_VERSION VERSION_LESS BLUEFIN_TORCH_MINIMUM)
      message(STATUS "LibTorch ${BLUEFIN_TORCH_VERSION} in ${bluefin_torch_dir} is older than "
                     "${BLUEFIN_TORCH_MINIMUM}: not used")
      continue()
    endif()

    cmake_path(SET bluefin_torch_root NORMALIZE ${bluefin_torch_dir}/../../..)
    if(EXISTS ${bluefin_torch_root}/lib/libtorch_cpu.so AND EXISTS ${bluefin_torch_root}/include/torch)
      add_library(bluefin_torch INTERFACE)
      bluefin_torch_from_files(${bluefin_torch_dir} ${bluefin_torch_root})
    else()
      bluefin_torch_probe(${bluefin_torch_dir} bluefin_torch_works)
      if(NOT bluefin_torch_works)
        message(STATUS "LibTorch ${BLUEFIN_TORCH_VERSION} in ${bluefin_torch_dir} is not usable here, see "
                       "${CMAKE_CURRENT_BINARY_DIR}/torch-probe/log.txt: not used")
        continue()
      endif()
      add_library(bluefin_torch INTERFACE)
      bluefin_torch_from_package(${bluefin_torch_dir} ${BLUEFIN_TORCH_SOURCE})
    endif()
    set(BLUEFIN_TORCH_FOUND TRUE)
    break()
  endforeach()

  if(BLUEFIN_TORCH_FOUND)
    set(BLUEFIN_TORCH_CUDA FALSE)
    if(EXISTS ${bluefin_torch_root}/lib/libtorch_cuda.so)
      set(BLUEFIN_TORCH_CUDA TRUE)
    endif()
    message(STATUS "LibTorch: ${BLUEFIN_TORCH_VERSION} from ${BLUEFIN_TORCH_SOURCE} (${bluefin_torch_dir})")
  else()
    message(STATUS "LibTorch: none found, the examples that need it are left out (scripts/setup installs it)")
  endif()
endif()
