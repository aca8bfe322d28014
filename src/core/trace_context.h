#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tenure::core {

/// Where a request stands in a trace that spans programs (W3C Trace Context, level 1).
struct TraceContext {
  std::array<std::uint8_t, 16> trace_id{};  ///< the same on every hop; all zero: no trace
  std::array<std::uint8_t, 8> span_id{};    ///< of one hop
  bool is_sampled = false;                  ///< somebody upstream keeps this trace

  bool is_set() const { return trace_id != decltype(trace_id){}; }
  friend bool operator==(const TraceContext&, const TraceContext&) = default;
};

inline constexpr std::size_t kTraceparentSize = 55;
inline constexpr std::size_t kTracestateMax = 512;  ///< longer ones need not be passed on

/// "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01". Of versions yet unknown the first
/// four fields are read. Nothing for what is no traceparent.
std::optional<TraceContext> parse_traceparent(std::string_view text);

/// This hop of the caller's trace: its trace with a span of our own; a new trace when `traceparent`
/// is not valid. Allocates nothing.
TraceContext continue_trace(std::string_view traceparent);

/// Writes exactly kTraceparentSize characters.
void write_traceparent(const TraceContext& trace, char* out);

/// A list that may be passed on: at most 32 members of the standard's form, no longer than
/// kTracestateMax. Doubled keys are left to whoever reads them.
bool is_tracestate(std::string_view text);

std::string trace_id_text(const TraceContext& trace);  ///< 32 lower-case hexadecimal digits
std::string span_id_text(const TraceContext& trace);   ///< 16 of them

}  // namespace tenure::core
