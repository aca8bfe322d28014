#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>

#include "core/trace_context.h"
#include "net/http_message.h"

namespace tenure::net {

/// Joins the trace that a request's headers name (W3C Trace Context): this server's hop gets a span
/// of its own. A request without `traceparent` is nobody's hop and gets no trace: its request id
/// names it. A broken header begins a new trace. Reused from request to request; allocates nothing
/// once warm.
class RequestTrace {
 public:
  void clear();

  /// Reads `traceparent` and `tracestate`.
  void join(std::span<const Request::Header> headers);

  const core::TraceContext& context() const { return context_; }

  /// For the answer; "" when there is no trace.
  std::string_view traceparent() const;

  std::string_view trace_id() const;  ///< 32 hexadecimal digits, or ""

  /// What came with it, several fields in one list; "" when there was none or it is not valid.
  std::string_view tracestate() const { return tracestate_; }

 private:
  core::TraceContext context_;
  std::array<char, core::kTraceparentSize> text_{};
  std::string tracestate_;
};

}  // namespace tenure::net
