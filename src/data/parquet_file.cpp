#include "data/parquet_file.h"

#include <array>
#include <fstream>
#include <system_error>

#include <fmt/format.h>

#include "core/file.h"
#include "data/column_name.h"

namespace tenure::data {
namespace {

using core::Result;

Result<> copy_to(Engine& engine, std::string_view query, const std::filesystem::path& path,
                 std::string_view format, const FileCheck& check = {}) {
  if (path.has_parent_path())
    if (auto made = core::make_directories(path.parent_path()); !made) return made;
  const std::filesystem::path temporary = core::unfinished_path(path);
  auto written = engine.execute(fmt::format("COPY ({}\n) TO {} ({}, USE_TMP_FILE false)", query,
                                            quote_text(temporary.string()), format));
  if (written && check) written = check(temporary);
  if (written) written = core::publish_file(temporary, path);
  std::error_code ignored;
  if (!written) std::filesystem::remove(temporary, ignored);
  return written;
}

}  // namespace

Result<> write_parquet(Engine& engine, std::string_view query, const std::filesystem::path& path,
                       std::string_view codec) {
  return copy_to(engine, query, path, fmt::format("FORMAT parquet, COMPRESSION {}", codec));
}

Result<> write_by_name(Engine& engine, std::string_view query, const std::filesystem::path& path,
                       const FileCheck& check) {
  return copy_to(engine, query, path,
                 path.extension() == ".csv" ? "FORMAT csv, HEADER" : "FORMAT parquet", check);
}

Result<> check_table_name(const std::filesystem::path& path) {
  const std::string ending = path.extension().string();
  if (ending == ".csv" || ending == ".parquet" || ending == ".pq") return {};
  return core::Error{
      core::ErrorCode::kInvalidArgument,
      fmt::format("{}: cannot tell the format to write by this name; expected one that ends "
                  "in .csv or .parquet",
                  path.string())};
}

bool is_parquet_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::array<char, 4> magic{};
  file.read(magic.data(), magic.size());
  if (std::string_view(magic.data(), magic.size()) == "PAR1") return true;
  const std::string ending = lower_case(path.extension().string());
  return ending == ".parquet" || ending == ".pq";
}

std::string quote_path(const std::filesystem::path& path) {
  std::string literal;
  for (const char c : path.string()) {
    const bool is_pattern = c == '*' || c == '?' || c == '[';
    literal += is_pattern ? fmt::format("[{}]", c) : std::string(1, c);
  }
  return quote_text(literal);
}

std::string file_table(const std::filesystem::path& path, std::string_view csv_options) {
  if (is_parquet_file(path)) return fmt::format("read_parquet({})", quote_path(path));
  return fmt::format("read_csv({}{})", quote_path(path), csv_options);
}

}  // namespace tenure::data
