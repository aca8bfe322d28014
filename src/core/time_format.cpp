#include "core/time_format.h"

#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <iterator>

#include <fmt/format.h>

namespace tenure::core {
namespace {

using namespace std::chrono;

struct Parts {
  year_month_day date;
  int hour, minute, second;
  Micros fraction;
};

Parts split(Micros time) {
  const sys_time<microseconds> instant{microseconds{time}};
  const auto day = floor<days>(instant);
  const hh_mm_ss<microseconds> clock{instant - day};
  return {year_month_day{day}, static_cast<int>(clock.hours().count()),
          static_cast<int>(clock.minutes().count()), static_cast<int>(clock.seconds().count()),
          clock.subseconds().count()};
}

/// Writes `digits` decimal digits of `value`, which has no more.
char* write_digits(char* out, std::uint64_t value, int digits) {
  for (int i = digits; i-- > 0; value /= 10) out[i] = static_cast<char>('0' + value % 10);
  return out + digits;
}

void append_parts(std::string& out, const Parts& p, char separator) {
  const int year = static_cast<int>(p.date.year());
  if (year >= 0 && year <= 9999) {
    // Each prediction says a time: by hand this takes a tenth of what a format string does.
    char text[19];
    char* at = write_digits(text, static_cast<std::uint64_t>(year), 4);
    *at++ = '-';
    at = write_digits(at, static_cast<unsigned>(p.date.month()), 2);
    *at++ = '-';
    at = write_digits(at, static_cast<unsigned>(p.date.day()), 2);
    *at++ = separator;
    at = write_digits(at, static_cast<std::uint64_t>(p.hour), 2);
    *at++ = ':';
    at = write_digits(at, static_cast<std::uint64_t>(p.minute), 2);
    *at++ = ':';
    write_digits(at, static_cast<std::uint64_t>(p.second), 2);
    out.append(text, sizeof text);
    return;
  }
  fmt::format_to(std::back_inserter(out), "{:04}-{:02}-{:02}{}{:02}:{:02}:{:02}",
                 static_cast<int>(p.date.year()), static_cast<unsigned>(p.date.month()),
                 static_cast<unsigned>(p.date.day()), separator, p.hour, p.minute, p.second);
}

std::string format_parts(const Parts& p, char separator) {
  std::string out;
  append_parts(out, p, separator);
  return out;
}

/// Takes exactly `digits` decimal digits off the front of `text`.
bool take_number(std::string_view& text, std::size_t digits, int& value) {
  if (text.size() < digits) return false;
  value = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    if (text[i] < '0' || text[i] > '9') return false;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(digits);
  return true;
}

bool take_char(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

bool take_fraction(std::string_view& text, Micros& fraction) {
  Micros unit = 100'000;
  std::size_t n = 0;
  for (; n < text.size() && text[n] >= '0' && text[n] <= '9'; ++n, unit /= 10)
    fraction += (text[n] - '0') * unit;
  text.remove_prefix(n);
  return n > 0;
}

bool take_zone(std::string_view& text, Micros& offset) {
  if (text.empty()) return true;
  if (take_char(text, 'Z') || take_char(text, 'z')) return true;
  const int sign = text.front() == '+' ? 1 : text.front() == '-' ? -1 : 0;
  if (sign == 0) return false;
  text.remove_prefix(1);
  int hours = 0;
  int minutes_part = 0;
  if (!take_number(text, 2, hours)) return false;
  if (!text.empty() && (take_char(text, ':'), !take_number(text, 2, minutes_part))) return false;
  if (hours > 23 || minutes_part > 59) return false;
  offset = sign * (Micros{hours} * 60 + minutes_part) * 60 * kMicrosPerSecond;
  return true;
}

}  // namespace

void append_utc(std::string& out, Micros time) {
  const Parts parts = split(time);
  append_parts(out, parts, 'T');
  if (parts.fraction != 0) {
    char text[7] = {'.'};
    write_digits(text + 1, static_cast<std::uint64_t>(parts.fraction), 6);
    out.append(text, sizeof text);
  }
  out += 'Z';
}

std::string format_utc(Micros time) {
  std::string text;
  append_utc(text, time);
  return text;
}

std::string format_utc_plain(Micros time) {
  const Parts p = split(time);
  return format_parts(p, ' ') + fmt::format(".{:06}", p.fraction);
}

Result<Micros> parse_time(std::string_view text) {
  const auto bad = [text] {
    return Error{
        ErrorCode::kInvalidArgument,
        fmt::format("'{}' is not a time; expected ISO 8601 such as 2024-01-05T00:00:00Z", text)};
  };
  std::string_view rest = text;
  int y = 0;
  int mo = 0;
  int d = 0;
  if (!take_number(rest, 4, y) || !take_char(rest, '-') || !take_number(rest, 2, mo) ||
      !take_char(rest, '-') || !take_number(rest, 2, d)) {
    return bad();
  }
  const year_month_day date{year{y}, month{static_cast<unsigned>(mo)},
                            day{static_cast<unsigned>(d)}};
  if (!date.ok()) return bad();
  int h = 0;
  int mi = 0;
  int s = 0;
  Micros fraction = 0;
  Micros offset = 0;
  if (!rest.empty()) {
    if (!take_char(rest, 'T') && !take_char(rest, ' ')) return bad();
    if (!take_number(rest, 2, h) || !take_char(rest, ':') || !take_number(rest, 2, mi))
      return bad();
    if (take_char(rest, ':') && !take_number(rest, 2, s)) return bad();
    if (take_char(rest, '.') && !take_fraction(rest, fraction)) return bad();
    if (!take_zone(rest, offset) || !rest.empty() || h > 23 || mi > 59 || s > 59) return bad();
  }
  const Micros day_start = duration_cast<microseconds>(sys_days{date}.time_since_epoch()).count();
  return day_start + ((h * 60LL + mi) * 60 + s) * kMicrosPerSecond + fraction - offset;
}

Result<Micros> parse_duration(std::string_view text) {
  struct Unit {
    std::string_view name;
    double micros;
  };
  static constexpr std::array kUnits = std::to_array<Unit>(
      {{"", 1e6}, {"us", 1}, {"ms", 1e3}, {"s", 1e6}, {"m", 60e6}, {"h", 3600e6}, {"d", 86400e6}});
  double amount = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), amount);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (status == std::errc{} && amount >= 0) {
    for (const Unit& known : kUnits) {
      if (known.name != unit) continue;
      const double micros = amount * known.micros;
      if (micros < 9e18) return static_cast<Micros>(std::llround(micros));
    }
  }
  return Error{
      ErrorCode::kInvalidArgument,
      fmt::format(
          "'{}' is not a duration; expected a number with us, ms, s, m, h or d, such as 30s",
          text)};
}

std::string format_duration(double seconds) {
  if (seconds < 1) return fmt::format("{:.0f} ms", seconds * 1e3);
  if (seconds < 60) return fmt::format("{:.1f} s", seconds);
  const auto whole = std::llround(seconds);
  return fmt::format("{} m {:02} s", whole / 60, whole % 60);
}

}  // namespace tenure::core
