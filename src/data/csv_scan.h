#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"

namespace tenure::data {

/// One record of a CSV file (RFC 4180): a line, or several when a quoted field holds line breaks.
struct CsvRecord {
  std::uint64_t line = 0;  ///< where it begins; the first line is 1
  std::vector<std::string> fields;
  std::string fault;  ///< why it is malformed, for people; empty = it is not
};

/// Reads a CSV file record by record, in constant memory. The engine reads tables far faster; this
/// is for what it does not tell: the header as it is written, the line of a row, and what exactly
/// is wrong with a file. Not thread-safe.
class CsvScanner {
 public:
  /// Errors: kNotFound, kPermissionDenied, as core::read_file.
  static core::Result<CsvScanner> open(const std::filesystem::path& path, char delimiter);

  /// The next record that is not an empty line; false at the end of the file. After a record with a
  /// fault the rest is not to be trusted.
  bool next(CsvRecord& record);

  /// The first line that ended in a carriage return alone, when others ended in a line feed; 0 =
  /// there is none so far.
  std::uint64_t lone_return_line() const { return has_line_feed_ ? lone_return_line_ : 0; }

 private:
  CsvScanner(std::ifstream file, char delimiter);
  int peek();
  int take();
  void read_record(CsvRecord& record);
  void read_quoted(CsvRecord& record, std::string& field);

  std::ifstream file_;
  char delimiter_;
  std::vector<char> buffer_;
  std::size_t at_ = 0;
  std::size_t end_ = 0;
  std::uint64_t line_ = 1;
  std::size_t record_bytes_ = 0;
  bool is_quoted_ = false;
  bool has_line_feed_ = false;  ///< outside quotes
  std::uint64_t lone_return_line_ = 0;
};

/// What the beginning of a CSV file says.
struct CsvHead {
  char delimiter = ',';
  std::uint64_t line = 1;          ///< of the header; empty lines may stand before it
  std::vector<std::string> names;  ///< blanks around them removed; "column_3" for an empty one
};

/// Reads the header, finding the delimiter (comma, semicolon, tab or bar) when it is 0.
/// Errors, all kInvalidArgument unless said: no such file (kNotFound); empty; compressed, UTF-16 or
/// a spreadsheet; one column, so probably another delimiter, naming it; names that occur twice
/// (upper and lower case count as equal, as in SQL).
core::Result<CsvHead> read_csv_head(const std::filesystem::path& path, char delimiter);

/// The first record that is malformed or has another number of fields than the header, or a line
/// that ends in a carriage return alone where others do not, as "line 17: ..."; nothing when there
/// is none.
core::Result<std::optional<std::string>> find_csv_fault(const std::filesystem::path& path,
                                                        const CsvHead& head);

/// The line on which data row `row` (0 = the first after the header) begins.
core::Result<std::uint64_t> line_of_row(const std::filesystem::path& path, char delimiter,
                                        std::uint64_t row);

/// "comma", "tab", ...
std::string delimiter_name(char delimiter);

}  // namespace tenure::data
