#pragma once

#include "api/routes.h"
#include "core/json.h"
#include "net/http_message.h"

namespace tenure::api {

/// GET /traffic: the versions that share the requests of the main model: shares, state, and how
/// they compare with the champion.
void traffic_status(const Services& services, const net::Request& request, net::Response& response);

/// POST /traffic/{variant}/take-out: the champion answers the arm's customers from now on. POST
/// …/put-back: an arm that was taken out, by hand or by the guard, answers again. The body may say
/// {"why", "by"}; a token's name goes before "by". Both answer as /traffic; 400 for another body,
/// 404 for an arm that is not, 409 when there is nothing to do.
void take_arm_out(const Services& services, const net::Request& request, net::Response& response);
void put_arm_back(const Services& services, const net::Request& request, net::Response& response);

/// How a version did before it went live.
core::Json warm_up_json(const serving::WarmUp& warm_up);

/// What all of them answer.
core::JsonObject traffic_json(const Services& services);

}  // namespace tenure::api
