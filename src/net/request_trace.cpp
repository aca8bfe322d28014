#include "net/request_trace.h"

#include "core/ascii_case.h"

namespace tenure::net {
namespace {

bool is_traceparent(std::string_view name) {
  return name.size() == 11 && core::equals_ignoring_case(name, "traceparent");
}

}  // namespace

void RequestTrace::clear() {
  context_ = {};
  tracestate_.clear();
}

void RequestTrace::join(std::span<const Request::Header> headers) {
  clear();
  std::string_view parent;
  std::size_t parents = 0;
  for (const Request::Header& header : headers) {
    if (!is_traceparent(header.name)) continue;
    parent = header.value;
    ++parents;
  }
  if (parents == 0) return;
  // Two parents are as good as a broken one.
  if (parents > 1) parent = {};
  context_ = core::continue_trace(parent);
  core::write_traceparent(context_, text_.data());
  if (!core::parse_traceparent(parent)) return;  // a state belongs to its trace
  for (const Request::Header& header : headers) {
    if (header.name.size() != 10 || !core::equals_ignoring_case(header.name, "tracestate"))
      continue;
    if (tracestate_.size() + header.value.size() >= core::kTracestateMax)
      return tracestate_.clear();
    if (!tracestate_.empty()) tracestate_ += ',';
    tracestate_ += header.value;
  }
  if (!core::is_tracestate(tracestate_)) tracestate_.clear();
}

std::string_view RequestTrace::traceparent() const {
  return context_.is_set() ? std::string_view(text_.data(), text_.size()) : std::string_view();
}

std::string_view RequestTrace::trace_id() const {
  const std::string_view whole = traceparent();
  return whole.empty() ? whole : whole.substr(3, 32);
}

}  // namespace tenure::net
