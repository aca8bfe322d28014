// libFuzzer target: any bytes given as a CSV file are a table that is profiled and understood, or
// an error that says what is wrong with it; the engine and the scanner see the same cells. Seeds:
// corpus/csv.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "core/id.h"
#include "data/engine.h"
#include "data/infer.h"
#include "data/profile.h"
#include "data/source.h"

namespace {

using namespace tenure::data;

/// One engine for all inputs, as it takes longer to open than a small table takes to read; another
/// where a file met an assertion of DuckDB, which then takes no further statement.
Engine& usable_engine() {
  static Engine* engine = nullptr;  // the last one stays open: see engine.h about statics
  if (engine != nullptr && engine->execute("SELECT 1")) return *engine;
  const std::unique_ptr<Engine> broken(engine);
  auto opened = Engine::open({.path = "", .temporary = {}, .memory_limit_bytes = 0, .threads = 1});
  if (!opened) std::abort();
  engine = opened->release();
  return *engine;
}

/// The input as a file.
class InputFile {
 public:
  explicit InputFile(std::string_view content) {
    std::ofstream(path_, std::ios::binary)
        .write(content.data(), static_cast<std::streamsize>(content.size()));
  }
  ~InputFile() { std::filesystem::remove(path_); }
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_ =
      std::filesystem::temp_directory_path() / tenure::core::random_hex_id();
};

void expect(bool holds, const std::string& what) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", what.c_str());
  std::abort();
}

void expect_fair(const tenure::core::Error& error) {
  expect(error.code != tenure::core::ErrorCode::kInternal, error.message);
}

/// The scanner writes every kind of line end within quotes as a line feed.
std::string with_line_feeds(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n') continue;
    result += text[i] == '\r' ? '\n' : text[i];
  }
  return result;
}

/// Every cell that the engine reads is the field that the scanner finds, so the lines that errors
/// name are right.
void compare(const Source& source, const Table& cells) {
  auto scanner = CsvScanner::open(source.path(), source.delimiter());
  expect(scanner.has_value(), "the scanner cannot open what the engine read");
  CsvRecord record;
  expect(scanner->next(record), "the scanner finds no header");
  for (std::size_t row = 0; row < cells.row_count(); ++row) {
    expect(scanner->next(record), fmt::format("the engine reads row {}, the scanner none", row));
    for (std::size_t i = 0; i < cells.columns.size(); ++i) {
      const std::string field = i < record.fields.size() ? record.fields[i] : "";
      const std::string cell = with_line_feeds(cells.columns[i].text(row));
      expect(field == cell, fmt::format("row {} column {}: the engine reads '{}', the scanner '{}'",
                                        row, i, cell, field));
    }
  }
  expect(!scanner->next(record), "the scanner finds more rows than the engine");
}

void read_source(Engine& engine, const std::filesystem::path& file) {
  auto source = Source::open(engine, file, "csv", 0);
  if (!source) return expect_fair(source.error());
  const std::string table = source->temporary_name("cells");
  if (auto read = source->execute(
          fmt::format("CREATE TEMP TABLE {} AS SELECT * FROM {}", table, source->view()));
      !read)
    return expect_fair(read.error());
  auto cells = engine.query(fmt::format("SELECT coalesce(COLUMNS(*), '') FROM {}", table));
  expect(cells.has_value(), cells ? "" : cells.error().message);
  compare(*source, *cells);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const InputFile file(std::string_view(reinterpret_cast<const char*>(data), size));
  read_source(usable_engine(), file.path());
  if (auto profile = profile_file(usable_engine(), file.path(), "", ""); !profile)
    expect_fair(profile.error());
  InferRequest request;
  request.file = file.path();
  request.label = "Churn";
  if (auto table = infer_table(usable_engine(), request); !table) expect_fair(table.error());
  return 0;
}
