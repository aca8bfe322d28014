#pragma once

#include "api/routes.h"
#include "net/http_message.h"

namespace tenure::api {

/// POST /api/tenure/labels: what came of customers, told afterwards. One label, a list, or
/// {"labels": [...]}; each {"prediction_id"} or {"customer_id"}, with {"label", "time"?}. All are
/// kept or none; one that is known already changes nothing. ?model= is another model than the main
/// one. Answers {"model", "received", "new"}; 422 with every mistake, 501 where no predictions are
/// kept.
void tell_labels(const Services& services, const net::Request& request, net::Response& response);

}  // namespace tenure::api
