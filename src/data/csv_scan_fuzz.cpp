// libFuzzer target: any bytes are records or a fault of a line, never a crash, and what the parts
// of the scanner say agrees. Seeds: corpus/csv.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <unistd.h>

#include <sys/mman.h>

#include "data/csv_scan.h"

namespace {

/// A file that lives in memory and is opened by a path like any other.
class MemoryFile {
 public:
  MemoryFile(const std::uint8_t* data, std::size_t size) : handle_(memfd_create("table", 0)) {
    if (handle_ < 0 || write(handle_, data, size) != static_cast<ssize_t>(size)) std::abort();
  }
  ~MemoryFile() { close(handle_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  std::filesystem::path path() const { return "/proc/self/fd/" + std::to_string(handle_); }

 private:
  int handle_;
};

void expect(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tenure::data;
  const MemoryFile file(data, size);
  for (const char delimiter : {'\0', ',', ';', '\t', '|'}) {
    const auto head = read_csv_head(file.path(), delimiter);
    if (!head) continue;
    expect(head->names.size() >= 2);
    expect(delimiter == 0 || head->delimiter == delimiter);
    const auto fault = find_csv_fault(file.path(), *head);
    expect(fault.has_value());

    auto scanner = CsvScanner::open(file.path(), head->delimiter);
    expect(scanner.has_value());
    CsvRecord record;
    std::uint64_t records = 0;
    std::uint64_t line = 0;
    std::size_t bytes = 0;
    bool is_faulty = false;
    while (!is_faulty && scanner->next(record)) {
      expect(record.line > line);
      line = record.line;
      is_faulty = !record.fault.empty();
      for (const std::string& field : record.fields) bytes += field.size();
      ++records;
    }
    expect(records >= 1 && bytes <= size);
    expect(!is_faulty || fault->has_value());
    if (!is_faulty && records > 1)
      expect(*line_of_row(file.path(), head->delimiter, records - 2) == line);
  }
  return 0;
}
