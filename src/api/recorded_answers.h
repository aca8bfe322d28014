#pragma once

#include <cstdint>
#include <functional>

#include "api/routes.h"
#include "core/result.h"
#include "net/router.h"

namespace tenure::api {

/// Under `monitoring.prediction_log.policy: block` no answer leaves before its events are durable.

/// Why the events of a request are not recorded.
enum class Unrecorded : std::uint8_t {
  kNow,    ///< 503, Retry-After
  kNever,  ///< 413: one of them is larger than the log takes
};

/// Fills in the answer to such a request.
using RefuseUnrecorded = void (*)(Unrecorded why, net::Response& response);

void refuse_unrecorded(Unrecorded why, net::Response& response);            ///< {"detail": ...}
void refuse_unrecorded_inference(Unrecorded why, net::Response& response);  ///< {"error": ...}
void refuse_unrecorded_scoring(Unrecorded why, net::Response& response);    ///< as MLflow does

/// `handler` with its answers held back until they are recorded; the handler itself where the
/// project does not ask for that.
net::Handler recorded(const Services& services, net::Handler handler, RefuseUnrecorded refuse);

/// The same for gRPC: runs `predict` on this thread, then calls `finish` once, here or from another
/// thread, with what it gave, with kUnavailable or, for kNever, with kResourceExhausted.
void finish_recorded(const Services& services, const std::function<core::Result<>()>& predict,
                     std::function<void(const core::Result<>&)> finish);

}  // namespace tenure::api
