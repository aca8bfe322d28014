#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace tenure::api {

/// Reads the lines of a small CSV text (RFC 4180: quotes, doubled quotes, line breaks in quotes;
/// LF or CRLF; an optional byte order mark) one after another. For request bodies; tables in files
/// are read by data/.
class CsvRows {
 public:
  /// Cells are views into `text`, or into `unquoted` where quotes are doubled; it is cleared.
  CsvRows(std::string_view text, std::deque<std::string>& unquoted);

  /// Puts the cells of the next line that is not empty into `cells`; false at the end, or after a
  /// mistake (see error()).
  bool next(std::vector<std::string_view>& cells);

  std::string_view error() const { return error_; }  ///< "" = none

 private:
  bool read_cell(std::string_view& cell);
  std::string_view read_quoted();

  std::deque<std::string>* unquoted_;
  std::string_view rest_;
  std::string_view error_;
};

}  // namespace tenure::api
