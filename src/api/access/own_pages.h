#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "net/router.h"

namespace tenure::api {

/// Whether a page of `origin` ("https://ml.example:8443") may change what `host` serves: it came
/// from there itself or from this machine, or is allowed. Requests without an Origin are no page's.
bool is_own_page(std::string_view origin, std::string_view host,
                 const std::vector<std::string>& allowed);

/// Lets no foreign page use the credentials that a browser keeps: requests that change something on
/// MLflow's paths are refused with 403 when their Origin is another one, as MLflow's server does.
void refuse_foreign_pages(const std::vector<std::string>& allowed, std::vector<net::Route>& routes);

}  // namespace tenure::api
