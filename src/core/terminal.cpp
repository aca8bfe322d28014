#include "core/terminal.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <unistd.h>

#include <fmt/format.h>
#include <sys/ioctl.h>

#include "core/assert.h"
#include "core/clock.h"
#include "core/time_format.h"

namespace tenure::core {
namespace {

constexpr std::int64_t kRedrawNs = 100'000'000;
constexpr std::string_view kClearLine = "\r\x1b[K";

bool is_code_point_start(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
}

std::size_t terminal_width() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

void write_to_terminal(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

std::string bar(double share) {
  constexpr std::size_t kWidth = 24;
  const auto filled = static_cast<std::size_t>(share * static_cast<double>(kWidth));
  std::string text(filled, '=');
  if (filled < kWidth) text += '>';
  text.resize(kWidth, ' ');
  return "[" + text + "]";
}

std::string rate_text(double per_second) {
  if (per_second >= 1e6) return fmt::format("{:.1f} M/s", per_second / 1e6);
  if (per_second >= 1e4) return fmt::format("{:.1f} k/s", per_second / 1e3);
  return fmt::format("{:.1f}/s", per_second);
}

}  // namespace

bool is_terminal_interactive() {
  if (::isatty(STDERR_FILENO) == 0) return false;
  const char* term = std::getenv("TERM");
  return term != nullptr && std::string_view(term) != "dumb" && term[0] != '\0';
}

std::size_t text_width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), is_code_point_start));
}

std::string cut_to_width(std::string_view text, std::size_t width_max) {
  std::string line(text);
  for (char& c : line)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  if (text_width(line) <= width_max) return line;
  if (width_max == 0) return {};
  std::size_t width = 0;
  std::size_t end = 0;
  for (; end < line.size(); ++end)
    if (is_code_point_start(line[end]) && ++width == width_max) break;
  return line.substr(0, end) + "…";
}

TextTable::TextTable(std::vector<Column> columns) : columns_(std::move(columns)) {}

void TextTable::add_row(std::vector<std::string> cells) {
  TENURE_ASSERT(cells.size() == columns_.size());
  for (std::size_t i = 0; i < cells.size(); ++i)
    cells[i] = cut_to_width(cells[i], columns_[i].width_max);
  rows_.push_back(std::move(cells));
}

std::string TextTable::text() const {
  std::vector<std::size_t> widths;
  std::vector<std::string> titles;
  std::vector<std::string> rules;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    std::size_t width = text_width(columns_[i].title);
    for (const auto& row : rows_) width = std::max(width, text_width(row[i]));
    widths.push_back(width);
    titles.push_back(columns_[i].title);
    rules.emplace_back(width, '-');
  }
  std::string out;
  const auto add_line = [&](const std::vector<std::string>& cells) {
    std::string line;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const std::string padding(widths[i] - text_width(cells[i]), ' ');
      if (i > 0) line += "  ";
      line += columns_[i].align == Align::kRight ? padding + cells[i] : cells[i] + padding;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + '\n';
  };
  add_line(titles);
  add_line(rules);
  for (const auto& row : rows_) add_line(row);
  return out;
}

std::string progress_line(std::string_view title, Progress progress, std::string_view note,
                          std::size_t width_max) {
  std::string line(title);
  const double done = static_cast<double>(progress.done);
  const double rate = progress.elapsed_s > 0 ? done / progress.elapsed_s : 0;
  if (progress.total > 0) {
    const double share = std::min(1.0, done / static_cast<double>(progress.total));
    line += fmt::format("  {} {:3.0f} %  {}/{}", bar(share), share * 100, progress.done,
                        progress.total);
  } else {
    line += fmt::format("  {}", progress.done);
  }
  if (rate > 0) line += "  " + rate_text(rate);
  if (rate > 0 && progress.done < progress.total)
    line += "  ETA " + format_duration(static_cast<double>(progress.total - progress.done) / rate);
  if (!note.empty()) line += fmt::format("  {}", note);
  return cut_to_width(line, width_max);
}

ProgressBar::ProgressBar(std::string_view title, std::uint64_t total)
    : title_(title),
      total_(total),
      is_shown_(is_terminal_interactive()),
      start_ns_(SystemClock().monotonic_ns()) {}

ProgressBar::~ProgressBar() {
  if (last_drawn_ns_ != 0) write_to_terminal(kClearLine);
}

void ProgressBar::update(std::uint64_t done, std::string_view note) {
  update(done, total_, note);
}

void ProgressBar::update(std::uint64_t done, std::uint64_t total, std::string_view note) {
  total_ = total;
  if (!is_shown_) return;
  const std::int64_t now_ns = SystemClock().monotonic_ns();
  if (last_drawn_ns_ != 0 && now_ns - last_drawn_ns_ < kRedrawNs) return;
  last_drawn_ns_ = now_ns;
  const double elapsed_s = static_cast<double>(now_ns - start_ns_) * 1e-9;
  // One column less than the terminal has: writing the last one may wrap.
  write_to_terminal(std::string(kClearLine) +
                    progress_line(title_, {done, total, elapsed_s}, note, terminal_width() - 1));
}

}  // namespace tenure::core
