#pragma once

#include <functional>

#include "api/routes.h"
#include "core/result.h"
#include "net/router.h"

namespace tenure::api {

/// Under `monitoring.prediction_log.policy: block` no answer leaves before its events are durable.

/// Fills in the answer to a request whose events cannot be recorded now.
using RefuseUnrecorded = void (*)(net::Response& response);

void refuse_unrecorded(net::Response& response);            ///< 503, Retry-After, {"detail": ...}
void refuse_unrecorded_inference(net::Response& response);  ///< the same as {"error": ...}
void refuse_unrecorded_scoring(net::Response& response);    ///< the same as MLflow's error body

/// `handler` with its answers held back until they are recorded; the handler itself where the
/// project does not ask for that.
net::Handler recorded(const Services& services, net::Handler handler, RefuseUnrecorded refuse);

/// The same for gRPC: runs `predict` on this thread, then calls `finish` once, here or from another
/// thread, with what it gave or with kUnavailable.
void finish_recorded(const Services& services, const std::function<core::Result<>()>& predict,
                     std::function<void(const core::Result<>&)> finish);

}  // namespace tenure::api
