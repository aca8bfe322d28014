#include "net/byte_range.h"

#include <algorithm>
#include <limits>
#include <string>

#include <fmt/format.h>

#include "core/ascii_case.h"
#include "net/http_date.h"

namespace tenure::net {
namespace {

std::string_view trimmed(std::string_view text) {
  const std::size_t from = std::min(text.find_first_not_of(" \t"), text.size());
  text.remove_prefix(from);
  return text.substr(0, text.find_last_not_of(" \t") + 1);
}

/// The tag without the mark of a weak one.
std::string_view opaque(std::string_view tag) {
  return tag.starts_with("W/") ? tag.substr(2) : tag;
}

/// One tag of a list, which it is taken from. A comma within the quotes belongs to the tag.
std::string_view take_tag(std::string_view& list) {
  list = list.substr(std::min(list.find_first_not_of(" \t,"), list.size()));
  const std::size_t quote = list.find('"');
  const std::size_t close = quote == std::string_view::npos ? quote : list.find('"', quote + 1);
  const std::size_t end = close == std::string_view::npos ? list.size() : close + 1;
  const std::string_view tag = list.substr(0, end);
  list.remove_prefix(end);
  return tag;
}

/// Whether a list of tags, which several header lines may hold, names `etag`. RFC 9110 section
/// 8.8.3.2: compared weakly, a weak tag stands for what it was made of.
bool names_tag(const Request& request, std::string_view field, std::string_view etag,
               bool is_weak) {
  for (const Request::Header& header : request.headers) {
    if (!core::equals_ignoring_case(header.name, field)) continue;
    std::string_view list = header.value;
    if (trimmed(list) == "*") return true;
    while (!list.empty()) {
      const std::string_view tag = take_tag(list);
      if (!etag.empty() && (is_weak ? opaque(tag) : tag) == etag) return true;
    }
  }
  return false;
}

bool has(const Request& request, std::string_view field) {
  return std::ranges::any_of(request.headers, [&](const Request::Header& header) {
    return core::equals_ignoring_case(header.name, field);
  });
}

core::Micros whole_seconds(core::Micros time) {
  return time / core::kMicrosPerSecond * core::kMicrosPerSecond;
}

/// What a request's conditions come to: 200 goes on (RFC 9110 section 13.2.2, in its order).
int precondition_status(const Request& request, const Representation& representation) {
  const bool is_read = request.method == Method::kGet || request.method == Method::kHead;
  const core::Micros modified = whole_seconds(representation.modified);
  if (has(request, "If-Match")) {
    if (!names_tag(request, "If-Match", representation.etag, false)) return 412;
  } else if (modified != 0) {
    const auto since = parse_http_date(request.header("If-Unmodified-Since"));
    if (since && modified > *since) return 412;
  }
  if (has(request, "If-None-Match")) {
    if (names_tag(request, "If-None-Match", representation.etag, true)) return is_read ? 304 : 412;
  } else if (is_read && modified != 0) {
    const auto since = parse_http_date(request.header("If-Modified-Since"));
    if (since && modified <= *since) return 304;
  }
  return 200;
}

/// RFC 9110 section 13.1.5: a range is only of use to one who has the rest of the same bytes.
bool may_be_partial(const Request& request, const Representation& representation) {
  if (request.method != Method::kGet) return false;
  const std::string_view condition = trimmed(request.header("If-Range"));
  if (condition.empty()) return true;
  if (condition.find('"') != std::string_view::npos)
    return !representation.etag.empty() && condition == representation.etag;
  const auto date = parse_http_date(condition);
  return date && representation.modified != 0 && *date == whole_seconds(representation.modified);
}

/// Digits only; a number that is too large is as good as the largest.
std::optional<std::uint64_t> number(std::string_view digits) {
  if (digits.empty()) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return std::nullopt;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    constexpr auto kMost = std::numeric_limits<std::uint64_t>::max();
    value = value > (kMost - digit) / 10 ? kMost : value * 10 + digit;
  }
  return value;
}

struct Asked {
  enum class Outcome { kWhole, kPart, kUnsatisfiable };
  Outcome outcome = Outcome::kWhole;
  ByteRange range = {};
};

/// RFC 9110 section 14.1.2; what is not understood is ignored.
Asked asked_range(std::string_view field, std::uint64_t size) {
  constexpr std::string_view kUnit = "bytes=";
  if (field.size() < kUnit.size() ||
      !core::equals_ignoring_case(field.substr(0, kUnit.size()), kUnit))
    return {};
  const std::string_view set = trimmed(field.substr(kUnit.size()));
  const std::size_t dash = set.find('-');
  if (dash == std::string_view::npos) return {};
  const std::string_view first_text = trimmed(set.substr(0, dash));
  const std::string_view last_text = trimmed(set.substr(dash + 1));
  const auto first = number(first_text);
  const auto last = number(last_text);
  if (first_text.empty()) {
    if (!last) return {};
    if (*last == 0) return {.outcome = Asked::Outcome::kUnsatisfiable};
    if (size == 0) return {};  // no Content-Range can say it
    const std::uint64_t length = std::min(*last, size);
    return {.outcome = Asked::Outcome::kPart, .range = {size - length, length}};
  }
  if (!first || (!last && !last_text.empty()) || (last && *last < *first)) return {};
  if (*first >= size) return {.outcome = Asked::Outcome::kUnsatisfiable};
  const std::uint64_t end = last ? std::min(*last, size - 1) : size - 1;
  return {.outcome = Asked::Outcome::kPart, .range = {*first, end - *first + 1}};
}

}  // namespace

std::optional<ByteRange> select_range(const Request& request, const Representation& representation,
                                      Response& response) {
  response.add_header("Accept-Ranges", "bytes");
  if (!representation.etag.empty()) response.add_header("ETag", representation.etag);
  if (representation.modified != 0)
    response.add_header("Last-Modified", format_http_date(representation.modified));
  const int status = precondition_status(request, representation);
  if (status == 412) {
    response.error(412, "What is there is not what the request's conditions ask for");
    return std::nullopt;
  }
  response.status = status;
  if (status == 304) return std::nullopt;
  const std::uint64_t size = representation.size;
  const Asked asked = may_be_partial(request, representation)
                          ? asked_range(trimmed(request.header("Range")), size)
                          : Asked{};
  switch (asked.outcome) {
    case Asked::Outcome::kWhole:
      return ByteRange{0, size};
    case Asked::Outcome::kPart:
      response.status = 206;
      response.add_header("Content-Range",
                          fmt::format("bytes {}-{}/{}", asked.range.offset,
                                      asked.range.offset + asked.range.length - 1, size));
      return asked.range;
    case Asked::Outcome::kUnsatisfiable:
      response.error(416, fmt::format("The range begins behind the end: there are {} bytes", size));
      response.add_header("Content-Range", fmt::format("bytes */{}", size));
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace tenure::net
