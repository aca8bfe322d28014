#include "data/csv_scan.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <system_error>

#include <fmt/format.h>

#include "core/file.h"
#include "data/column_name.h"
#include "data/utf8.h"

namespace tenure::data {
namespace {

using core::Error;
using core::ErrorCode;
using core::Result;

constexpr int kEnd = -1;
/// Above DuckDB's own limit of 2 MB for a line: what is longer is an open quote in practice.
constexpr std::size_t kRecordBytesMax = 4'000'000;
constexpr std::array<char, 4> kDelimiters = {',', ';', '\t', '|'};

/// Formats that are often given in place of CSV, by their first bytes.
std::optional<std::string> foreign_format(std::string_view bytes) {
  if (bytes.starts_with("\x1f\x8b")) return "is compressed with gzip; unpack it first";
  if (bytes.starts_with("\x28\xb5\x2f\xfd")) return "is compressed with zstd; unpack it first";
  if (bytes.starts_with("PK\x03\x04"))
    return "is a ZIP archive or an Excel workbook; unpack it, or save the sheet as CSV";
  if (bytes.starts_with("\xd0\xcf\x11\xe0")) return "is an Excel workbook; save the sheet as CSV";
  if (bytes.starts_with("\xff\xfe") || bytes.starts_with("\xfe\xff"))
    return "is UTF-16 text; save it as UTF-8";
  return std::nullopt;
}

}  // namespace

CsvScanner::CsvScanner(std::ifstream file, char delimiter)
    : file_(std::move(file)), delimiter_(delimiter), buffer_(std::size_t{1} << 16U) {}

Result<CsvScanner> CsvScanner::open(const std::filesystem::path& path, char delimiter) {
  std::error_code status;
  if (std::filesystem::is_directory(path, status))
    return core::system_error(EISDIR, "cannot read", path);
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) return core::system_error(errno == 0 ? ENOENT : errno, "cannot open", path);
  CsvScanner scanner(std::move(file), delimiter);
  // A byte order mark is no part of the first name.
  if (scanner.peek() == 0xEF && scanner.end_ >= 3 &&
      std::string_view(scanner.buffer_.data(), 3) == "\xef\xbb\xbf")
    scanner.at_ = 3;
  return scanner;
}

int CsvScanner::peek() {
  if (at_ == end_) {
    file_.read(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
    at_ = 0;
    end_ = static_cast<std::size_t>(file_.gcount());
    if (end_ == 0) return kEnd;
  }
  return static_cast<unsigned char>(buffer_[at_]);
}

/// The next byte; every kind of line end becomes '\n'.
int CsvScanner::take() {
  int byte = peek();
  if (byte == kEnd) return kEnd;
  ++at_;
  ++record_bytes_;
  if (byte == '\r') {
    if (peek() == '\n') {
      ++at_;
      has_line_feed_ = has_line_feed_ || !is_quoted_;
    } else if (!is_quoted_ && lone_return_line_ == 0) {
      lone_return_line_ = line_;
    }
    byte = '\n';
  } else if (byte == '\n' && !is_quoted_) {
    has_line_feed_ = true;
  }
  if (byte == '\n') ++line_;
  return byte;
}

bool CsvScanner::next(CsvRecord& record) {
  while (peek() == '\n' || peek() == '\r') take();
  if (peek() == kEnd) return false;
  record.line = line_;
  record.fields.clear();
  record.fault.clear();
  record_bytes_ = 0;
  read_record(record);
  for (const std::string& field : record.fields)
    if (record.fault.empty() && !is_utf8(field))
      record.fault = fmt::format(
          "'{}...' is not UTF-8; the file is probably Latin-1 or Windows-1252, save it as UTF-8",
          std::string_view(field).substr(0, std::min<std::size_t>(valid_utf8_prefix(field), 40)));
  return true;
}

void CsvScanner::read_record(CsvRecord& record) {
  for (;;) {
    std::string& field = record.fields.emplace_back();
    while (peek() == ' ') field += static_cast<char>(take());
    if (peek() == '"') {
      field.clear();
      read_quoted(record, field);
      if (!record.fault.empty()) return;
    }
    for (;;) {
      const int byte = take();
      if (byte == kEnd || byte == '\n') return;
      if (byte == delimiter_) break;
      field += static_cast<char>(byte);
      if (record_bytes_ > kRecordBytesMax) {
        record.fault = fmt::format("the line is longer than {} bytes", kRecordBytesMax);
        return;
      }
    }
  }
}

/// A quoted field: up to its closing quote, and blanks after it.
void CsvScanner::read_quoted(CsvRecord& record, std::string& field) {
  take();
  is_quoted_ = true;
  for (;;) {
    const int byte = take();
    if (byte == kEnd || record_bytes_ > kRecordBytesMax) {
      record.fault = "a quote is opened and never closed";
      return;
    }
    if (byte != '"') {
      field += static_cast<char>(byte);
    } else if (peek() == '"') {
      field += static_cast<char>(take());
    } else {
      break;
    }
  }
  is_quoted_ = false;
  while (peek() == ' ') take();
  const int after = peek();
  if (after == kEnd || after == '\n' || after == '\r' || after == delimiter_) return;
  record.fault = fmt::format("there is text after the closing quote of '{}'",
                             std::string_view(field).substr(0, 40));
}

std::string delimiter_name(char delimiter) {
  switch (delimiter) {
    case ',':
      return "comma";
    case ';':
      return "semicolon";
    case '\t':
      return "tab";
    case '|':
      return "bar '|'";
    default:
      return fmt::format("'{}'", delimiter);
  }
}

namespace {

/// How well a delimiter explains the first lines.
struct Fit {
  double share = 0;  ///< of the records with as many fields as the header
  std::size_t fields = 0;
};

Result<Fit> fit_of(const std::filesystem::path& path, char delimiter) {
  constexpr int kRecords = 100;
  auto scanner = CsvScanner::open(path, delimiter);
  if (!scanner) return std::move(scanner).error();
  CsvRecord record;
  Fit fit;
  if (!scanner->next(record)) return fit;
  fit.fields = record.fields.size();
  int equal = 1;
  int all = 1;
  for (; all < kRecords && scanner->next(record); ++all)
    if (record.fields.size() == fit.fields) ++equal;
  fit.share = static_cast<double>(equal) / all;
  return fit;
}

/// The delimiter that gives most records as many fields as the header, and then most fields.
Result<char> detect_delimiter(const std::filesystem::path& path) {
  char best = ',';
  Fit best_fit;
  for (const char candidate : kDelimiters) {
    auto fit = fit_of(path, candidate);
    if (!fit) return std::move(fit).error();
    if (fit->fields < 2) continue;
    // One ragged line must not make a delimiter lose against one that splits hardly anything.
    const bool is_better = best_fit.fields == 0 || fit->share > best_fit.share + 0.05 ||
                           (fit->share > best_fit.share - 0.05 && fit->fields > best_fit.fields);
    if (!is_better) continue;
    best = candidate;
    best_fit = *fit;
  }
  return best;
}

Error single_column(const std::filesystem::path& path, std::string_view name, char used,
                    char likely) {
  std::string message = fmt::format("{}: the header has one column '{}' when split at {}",
                                    path.string(), name.substr(0, 60), delimiter_name(used));
  message += likely == used ? "; a table needs an id or a label and at least one more column"
                            : fmt::format("; the delimiter is probably {}: set data.delimiter",
                                          delimiter_name(likely));
  return Error{ErrorCode::kInvalidArgument, std::move(message)};
}

Result<std::vector<std::string>> clean_names(const std::filesystem::path& path,
                                             const std::vector<std::string>& fields) {
  std::vector<std::string> names;
  std::map<std::string, std::size_t> places;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    std::string name(without_blanks(fields[i]));
    if (name.empty()) name = fmt::format("column_{}", i + 1);
    const auto [known, is_new] = places.try_emplace(lower_case(name), i);
    if (!is_new)
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("{}: columns {} and {} are both named '{}' (upper and lower case "
                               "count as equal); rename one",
                               path.string(), known->second + 1, i + 1, name)};
    names.push_back(std::move(name));
  }
  return names;
}

}  // namespace

Result<CsvHead> read_csv_head(const std::filesystem::path& path, char delimiter) {
  auto probe = CsvScanner::open(path, ',');
  if (!probe) return std::move(probe).error();
  std::ifstream start(path, std::ios::binary);
  std::array<char, 8> magic{};
  start.read(magic.data(), magic.size());
  if (const auto format = foreign_format({magic.data(), static_cast<std::size_t>(start.gcount())}))
    return Error{ErrorCode::kInvalidArgument, fmt::format("{} {}", path.string(), *format)};

  CsvHead head;
  head.delimiter = delimiter;
  if (delimiter == 0) {
    auto found = detect_delimiter(path);
    if (!found) return std::move(found).error();
    head.delimiter = *found;
  }
  auto scanner = CsvScanner::open(path, head.delimiter);
  if (!scanner) return std::move(scanner).error();
  CsvRecord header;
  if (!scanner->next(header))
    return Error{ErrorCode::kInvalidArgument, fmt::format("{} is empty", path.string())};
  if (!header.fault.empty())
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("{}:{}: {}", path.string(), header.line, header.fault)};
  // A delimiter at the end of every line names no column.
  if (header.fields.size() > 2 && without_blanks(header.fields.back()).empty()) {
    CsvRecord first;
    if (scanner->next(first) && first.fields.size() <= header.fields.size() &&
        (first.fields.size() < header.fields.size() || without_blanks(first.fields.back()).empty()))
      header.fields.pop_back();
  }
  if (header.fields.size() < 2) {
    auto likely = detect_delimiter(path);
    if (!likely) return std::move(likely).error();
    auto fit = fit_of(path, *likely);
    if (!fit) return std::move(fit).error();
    return single_column(path, header.fields.front(), head.delimiter,
                         fit->fields > 1 ? *likely : head.delimiter);
  }
  auto names = clean_names(path, header.fields);
  if (!names) return std::move(names).error();
  head.names = std::move(*names);
  return head;
}

Result<std::optional<std::string>> find_csv_fault(const std::filesystem::path& path,
                                                  const CsvHead& head) {
  auto scanner = CsvScanner::open(path, head.delimiter);
  if (!scanner) return std::move(scanner).error();
  const std::size_t expected = head.names.size();
  CsvRecord record;
  while (scanner->next(record)) {
    if (!record.fault.empty())
      return std::optional(fmt::format("line {}: {}", record.line, record.fault));
    const std::size_t found = record.fields.size();
    // The engine lets one delimiter too many at the end of a line pass, and so do we.
    if (found == expected || (found == expected + 1 && record.fields.back().empty())) continue;
    return std::optional(
        fmt::format("line {}: {} fields where the header has {}", record.line, found, expected));
  }
  if (const std::uint64_t line = scanner->lone_return_line(); line != 0)
    return std::optional(
        fmt::format("line {}: it ends in a carriage return alone and other lines do not; save the "
                    "file with one kind of line ends",
                    line));
  return std::optional<std::string>();
}

Result<std::uint64_t> line_of_row(const std::filesystem::path& path, char delimiter,
                                  std::uint64_t row) {
  auto scanner = CsvScanner::open(path, delimiter);
  if (!scanner) return std::move(scanner).error();
  CsvRecord record;
  std::uint64_t records = 0;
  while (scanner->next(record))
    if (records++ == row + 1) return record.line;
  return Error{ErrorCode::kInternal, fmt::format("{} has no data row {}", path.string(), row + 1)};
}

}  // namespace tenure::data
