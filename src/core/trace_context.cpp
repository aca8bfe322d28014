#include "core/trace_context.h"

#include <algorithm>
#include <cstring>
#include <span>

#include "core/id.h"

namespace tenure::core {
namespace {

constexpr std::size_t kMembersMax = 32;
constexpr std::size_t kMemberPartMax = 256;

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/// Lower-case digits only, as the standard has it. False for anything else, and for all zeros.
template <std::size_t N>
bool parse_id(std::string_view text, std::array<std::uint8_t, N>& id) {
  for (std::size_t i = 0; i < N; ++i) {
    const int high = hex_value(text[2 * i]);
    const int low = hex_value(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    id[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return id != std::array<std::uint8_t, N>{};
}

/// Not zero.
template <std::size_t N>
void make_id(std::array<std::uint8_t, N>& id) {
  static_assert(N % sizeof(std::uint64_t) == 0);
  do {
    for (std::size_t i = 0; i < N; i += sizeof(std::uint64_t)) {
      const std::uint64_t bits = id_bits();
      std::memcpy(id.data() + i, &bits, sizeof bits);
    }
  } while (id == std::array<std::uint8_t, N>{});
}

char* write_hex(std::span<const std::uint8_t> bytes, char* out) {
  constexpr char kDigits[] = "0123456789abcdef";
  for (const std::uint8_t byte : bytes) {
    *out++ = kDigits[byte >> 4];
    *out++ = kDigits[byte & 0xF];
  }
  return out;
}

bool is_key(std::string_view key) {
  const auto is_key_character = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '*' ||
           c == '/' || c == '@';
  };
  if (key.empty() || key.size() > kMemberPartMax || !std::ranges::all_of(key, is_key_character))
    return false;
  const bool begins_well = (key[0] >= 'a' && key[0] <= 'z') || (key[0] >= '0' && key[0] <= '9');
  return begins_well && std::ranges::count(key, '@') <= 1 && !key.ends_with('@');
}

bool is_value(std::string_view value) {
  return !value.empty() && value.size() <= kMemberPartMax &&
         std::ranges::all_of(value, [](char c) { return c >= ' ' && c <= '~' && c != '='; });
}

}  // namespace

std::optional<TraceContext> parse_traceparent(std::string_view text) {
  if (text.size() < kTraceparentSize) return std::nullopt;
  const int version_high = hex_value(text[0]);
  const int version_low = hex_value(text[1]);
  if (version_high < 0 || version_low < 0 || text.starts_with("ff")) return std::nullopt;
  const bool is_first_version = text.starts_with("00");
  if (text.size() > kTraceparentSize && (is_first_version || text[kTraceparentSize] != '-'))
    return std::nullopt;
  if (text[2] != '-' || text[35] != '-' || text[52] != '-') return std::nullopt;
  TraceContext trace;
  if (!parse_id(text.substr(3, 32), trace.trace_id)) return std::nullopt;
  if (!parse_id(text.substr(36, 16), trace.span_id)) return std::nullopt;
  const int flags_high = hex_value(text[53]);
  const int flags_low = hex_value(text[54]);
  if (flags_high < 0 || flags_low < 0) return std::nullopt;
  trace.is_sampled = (flags_low & 1) != 0;
  return trace;
}

TraceContext continue_trace(std::string_view traceparent) {
  auto trace = parse_traceparent(traceparent);
  if (!trace) {
    trace.emplace();
    make_id(trace->trace_id);
  }
  make_id(trace->span_id);
  return *trace;
}

void write_traceparent(const TraceContext& trace, char* out) {
  *out++ = '0';
  *out++ = '0';
  *out++ = '-';
  out = write_hex(trace.trace_id, out);
  *out++ = '-';
  out = write_hex(trace.span_id, out);
  *out++ = '-';
  *out++ = '0';
  *out++ = trace.is_sampled ? '1' : '0';
}

bool is_tracestate(std::string_view text) {
  if (text.empty() || text.size() > kTracestateMax) return false;
  std::size_t members = 0;
  while (true) {
    const std::size_t end = std::min(text.find(','), text.size());
    std::string_view member = text.substr(0, end);
    while (member.starts_with(' ') || member.starts_with('\t')) member.remove_prefix(1);
    while (member.ends_with(' ') || member.ends_with('\t')) member.remove_suffix(1);
    if (!member.empty()) {  // empty members are allowed and mean nothing
      const std::size_t equals = member.find('=');
      if (equals == std::string_view::npos || !is_key(member.substr(0, equals)) ||
          !is_value(member.substr(equals + 1)) || ++members > kMembersMax)
        return false;
    }
    if (end == text.size()) return members > 0;
    text.remove_prefix(end + 1);
  }
}

std::string trace_id_text(const TraceContext& trace) {
  std::string text(2 * trace.trace_id.size(), '0');
  write_hex(trace.trace_id, text.data());
  return text;
}

std::string span_id_text(const TraceContext& trace) {
  std::string text(2 * trace.span_id.size(), '0');
  write_hex(trace.span_id, text.data());
  return text;
}

}  // namespace tenure::core
