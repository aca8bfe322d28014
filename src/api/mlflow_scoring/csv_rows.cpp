#include "api/mlflow_scoring/csv_rows.h"

#include <algorithm>

namespace tenure::api {

CsvRows::CsvRows(std::string_view text, std::deque<std::string>& unquoted)
    : unquoted_(&unquoted), rest_(text) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (rest_.starts_with(kByteOrderMark)) rest_.remove_prefix(kByteOrderMark.size());
  unquoted.clear();
}

bool CsvRows::next(std::vector<std::string_view>& cells) {
  cells.clear();
  while (!rest_.empty() && (rest_.front() == '\n' || rest_.front() == '\r')) rest_.remove_prefix(1);
  if (rest_.empty() || !error_.empty()) return false;
  bool has_more = true;
  while (has_more) has_more = read_cell(cells.emplace_back());
  return error_.empty();
}

/// Reads up to and over the separator; false when that ended the line.
bool CsvRows::read_cell(std::string_view& cell) {
  if (rest_.starts_with('"')) {
    cell = read_quoted();
    if (!error_.empty()) return false;
  } else {
    cell = rest_.substr(0, std::min(rest_.find_first_of(",\r\n"), rest_.size()));
    rest_.remove_prefix(cell.size());
  }
  if (rest_.empty()) return false;
  const bool is_comma = rest_.front() == ',';
  rest_.remove_prefix(rest_.starts_with("\r\n") ? 2 : 1);
  return is_comma;
}

std::string_view CsvRows::read_quoted() {
  rest_.remove_prefix(1);
  const std::string_view text = rest_;
  std::size_t doubled = 0;
  std::size_t at = rest_.find('"');
  while (at != std::string_view::npos && rest_.substr(at + 1).starts_with('"')) {
    ++doubled;
    at = rest_.find('"', at + 2);
  }
  if (at == std::string_view::npos) {
    error_ = "A quoted cell does not end";
    return {};
  }
  rest_.remove_prefix(at + 1);
  if (!rest_.empty() && rest_.find_first_of(",\r\n") != 0) {
    error_ = "A quote should be followed by a comma or the end of the line";
    return {};
  }
  const std::string_view cell = text.substr(0, at);
  if (doubled == 0) return cell;
  std::string& plain = unquoted_->emplace_back();
  for (std::size_t i = 0; i < cell.size(); ++i) {
    plain += cell[i];
    if (cell[i] == '"') ++i;
  }
  return plain;
}

}  // namespace tenure::api
