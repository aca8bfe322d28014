#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "core/result.h"
#include "data/engine.h"

namespace tenure::data {

/// Writes the answer of a query to a Parquet file so that after a crash at any instant either the
/// old or the new file is there, whole. Missing folders are made. Nothing is left behind after an
/// error. `codec`: snappy, zstd, ... Errors: those of the query; kResourceExhausted when the disk
/// is full; kPermissionDenied.
core::Result<> write_parquet(Engine& engine, std::string_view query,
                             const std::filesystem::path& path, std::string_view codec = "snappy");

/// As write_parquet; a name that ends in .csv gets a CSV file with a header instead. `check` is
/// shown the finished file before it gets its name; its error leaves the old one.
using FileCheck = std::function<core::Result<>(const std::filesystem::path& unfinished)>;
core::Result<> write_by_name(Engine& engine, std::string_view query,
                             const std::filesystem::path& path, const FileCheck& check = {});

/// Whether a name says which format a table is to be written in. Errors: kInvalidArgument unless it
/// ends in .csv, .parquet or .pq.
core::Result<> check_table_name(const std::filesystem::path& path);

/// Whether a file is to be read as Parquet: its content decides. The name only says that what has
/// no content we know was meant as Parquet.
bool is_parquet_file(const std::filesystem::path& path);

/// A path as read_parquet() and read_csv() take it: quoted, and with the characters that they would
/// expand as patterns made literal.
std::string quote_path(const std::filesystem::path& path);

/// What stands behind FROM to read a Parquet or CSV file. `csv_options`: ", header=true", ...
std::string file_table(const std::filesystem::path& path, std::string_view csv_options = "");

}  // namespace tenure::data
