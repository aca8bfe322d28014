#pragma once

#include "api/routes.h"
#include "net/http_message.h"

namespace tenure::api {

/// POST /recourse?target=0.3: what could change for a customer so that the model gives them at most
/// that probability (default: the threshold of the decision), by decision.actions of the project.
/// The bodies of /predict; at most 100 rows. 422 for a wrong body or target; 501 when the project
/// has no actions or the model cannot be explained; 503 before the first model is live.
///   {"customer_id"?, "probability", "target", "reached", "level", "prediction_id",
///    "options": [{"cost", "probability", "actions": [{"name", "label"}],
///                 "changes": [{"feature", "from", "to"}]}], "model", "note"}
/// For lists {"recourse": [...], "model", "note"}. Where a fallback answered there are no options.
void recourse(const Services& services, const net::Request& request, net::Response& response);

}  // namespace tenure::api
