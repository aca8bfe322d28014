# DuckDB's official library: downloaded and hash-checked by `./dev deps` into .deps/duckdb, or any
# installed libduckdb from 1.4 on: cmake -DDUCKDB_ROOT=/path
set(DUCKDB_ROOT "${PROJECT_SOURCE_DIR}/.deps/duckdb" CACHE PATH "Folder with libduckdb.so and duckdb.h")
find_path(DUCKDB_INCLUDE duckdb.h HINTS "${DUCKDB_ROOT}" "${DUCKDB_ROOT}/include")
find_library(DUCKDB_LIBRARY duckdb HINTS "${DUCKDB_ROOT}" "${DUCKDB_ROOT}/lib")
if(NOT DUCKDB_INCLUDE OR NOT DUCKDB_LIBRARY)
  message(FATAL_ERROR "DuckDB was not found in ${DUCKDB_ROOT}. Run ./dev deps, or pass -DDUCKDB_ROOT=/path")
endif()
# A copy beside the binaries, so that $ORIGIN finds it.
configure_file("${DUCKDB_LIBRARY}" "${CMAKE_BINARY_DIR}/libduckdb.so" COPYONLY)
add_library(duckdb SHARED IMPORTED GLOBAL)
set_target_properties(duckdb PROPERTIES
  IMPORTED_LOCATION "${CMAKE_BINARY_DIR}/libduckdb.so"
  IMPORTED_NO_SONAME ON
  INTERFACE_INCLUDE_DIRECTORIES "${DUCKDB_INCLUDE}")
