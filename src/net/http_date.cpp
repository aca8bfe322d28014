#include "net/http_date.h"

#include <algorithm>
#include <array>
#include <ctime>

#include <fmt/format.h>

namespace tenure::net {
namespace {

constexpr std::array<std::string_view, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/// Reads a date from left to right; after a mismatch everything fails.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  void expect(std::string_view literal) {
    is_right_ = is_right_ && rest_.starts_with(literal);
    if (is_right_) rest_.remove_prefix(literal.size());
  }
  int number(std::size_t digits) {
    int value = 0;
    is_right_ = is_right_ && rest_.size() >= digits;
    for (std::size_t i = 0; is_right_ && i < digits; ++i) {
      is_right_ = rest_[i] >= '0' && rest_[i] <= '9';
      value = value * 10 + (rest_[i] - '0');
    }
    if (is_right_) rest_.remove_prefix(digits);
    return value;
  }
  int month() {
    const auto found = std::ranges::find(kMonths, rest_.substr(0, 3));
    is_right_ = is_right_ && found != kMonths.end();
    if (is_right_) rest_.remove_prefix(3);
    return static_cast<int>(found - kMonths.begin());
  }
  void time(std::tm& out) {
    out.tm_hour = number(2);
    expect(":");
    out.tm_min = number(2);
    expect(":");
    out.tm_sec = number(2);
  }
  bool next_is(char c) const { return rest_.starts_with(c); }
  bool is_done() const { return is_right_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool is_right_ = true;
};

void read_preferred(Scanner& text, std::tm& out) {
  out.tm_mday = text.number(2);
  text.expect(" ");
  out.tm_mon = text.month();
  text.expect(" ");
  out.tm_year = text.number(4) - 1900;
  text.expect(" ");
  text.time(out);
  text.expect(" GMT");
}

void read_rfc850(Scanner& text, std::tm& out) {
  out.tm_mday = text.number(2);
  text.expect("-");
  out.tm_mon = text.month();
  text.expect("-");
  const int year = text.number(2);
  out.tm_year = year < 70 ? year + 100 : year;
  text.expect(" ");
  text.time(out);
  text.expect(" GMT");
}

void read_asctime(Scanner& text, std::tm& out) {
  out.tm_mon = text.month();
  text.expect(" ");
  if (text.next_is(' ')) {
    text.expect(" ");
    out.tm_mday = text.number(1);
  } else {
    out.tm_mday = text.number(2);
  }
  text.expect(" ");
  text.time(out);
  text.expect(" ");
  out.tm_year = text.number(4) - 1900;
}

}  // namespace

std::string format_http_date(core::Micros time) {
  const core::Micros second =
      time / core::kMicrosPerSecond - (time % core::kMicrosPerSecond < 0 ? 1 : 0);
  const std::time_t seconds = second;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
                     kDays[static_cast<std::size_t>(utc.tm_wday)], utc.tm_mday,
                     kMonths[static_cast<std::size_t>(utc.tm_mon)], utc.tm_year + 1900, utc.tm_hour,
                     utc.tm_min, utc.tm_sec);
}

std::optional<core::Micros> parse_http_date(std::string_view text) {
  const std::size_t comma = text.find(", ");
  std::tm date{};
  Scanner scanner(comma == std::string_view::npos
                      ? text.substr(std::min<std::size_t>(4, text.size()))
                      : text.substr(comma + 2));
  if (comma == 3) {
    read_preferred(scanner, date);
  } else if (comma != std::string_view::npos) {
    read_rfc850(scanner, date);
  } else {
    read_asctime(scanner, date);
  }
  const bool is_time = date.tm_hour < 24 && date.tm_min < 60 && date.tm_sec < 61;
  if (!scanner.is_done() || !is_time || date.tm_mday < 1 || date.tm_mday > 31) return std::nullopt;
  return static_cast<core::Micros>(timegm(&date)) * core::kMicrosPerSecond;
}

}  // namespace tenure::net
