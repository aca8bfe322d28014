#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tenure::core {

/// True when standard error is a terminal that can redraw a line (TERM is not "dumb", NO_COLOR
/// respected by colour functions apart).
bool is_terminal_interactive();

enum class Align { kLeft, kRight };

/// A plain table for people: header, rule, rows, two blanks between columns; numbers right-aligned.
/// Widths count UTF-8 code points. Cells wider than `width_max` are cut with "…".
class TextTable {
 public:
  struct Column {
    std::string title;
    Align align = Align::kLeft;
    std::size_t width_max = 60;
  };
  explicit TextTable(std::vector<Column> columns);
  void add_row(std::vector<std::string> cells);  ///< as many cells as columns
  std::string text() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

/// Columns a text takes: its UTF-8 code points.
std::size_t text_width(std::string_view text);

/// One line that a terminal can show safely: control characters become blanks, and what is wider
/// than `width_max` is cut with "…".
std::string cut_to_width(std::string_view text, std::size_t width_max);

/// The line a ProgressBar draws: "train  [=====>    ]  45 %  90/200  12.0/s  ETA 9.2 s  note".
/// Without a total there is no bar and no ETA.
struct Progress {
  std::uint64_t done = 0;
  std::uint64_t total = 0;  ///< 0 = unknown
  double elapsed_s = 0;
};
std::string progress_line(std::string_view title, Progress progress, std::string_view note,
                          std::size_t width_max);

/// A progress line on standard error, redrawn at most ten times a second; on anything but a
/// terminal it prints nothing. Not thread-safe. The destructor clears the line.
class ProgressBar {
 public:
  ProgressBar(std::string_view title, std::uint64_t total);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  /// `note` follows the bar: "logloss 0.4123".
  void update(std::uint64_t done, std::string_view note = {});
  /// For work whose total is learnt, or changes, on the way.
  void update(std::uint64_t done, std::uint64_t total, std::string_view note = {});

 private:
  std::string title_;
  std::uint64_t total_;
  bool is_shown_;
  std::int64_t start_ns_;
  std::int64_t last_drawn_ns_ = 0;
};

}  // namespace tenure::core
