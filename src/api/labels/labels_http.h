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

/// DELETE /api/tenure/labels?entity=ID: removes all that was told of a customer, of every model,
/// and what it said of versions; `entity` may be repeated, `why` is for the audit trail. Answers
/// {"customers", "labels", "outcomes"}, also when there was nothing; 400 without an id, 501 where
/// no predictions are kept.
void erase_labels(const Services& services, const net::Request& request, net::Response& response);

}  // namespace tenure::api
