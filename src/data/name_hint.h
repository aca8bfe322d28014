#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tenure::data {

/// What the name of a column suggests. A hint never decides alone: values have to agree.

/// "customerID", "Customer_Id", "customer id" → {"customer", "id"}.
std::vector<std::string> name_words(std::string_view name);

/// How much a name sounds like the key of a customer: 3 "customer_id", "CLIENTNUM"; 2 "id", "uuid",
/// "account"; 1 "phone number", "RowNumber"; 0 anything else.
int id_rank(std::string_view name);

/// Names of what is known only after a customer left: churn, cancel, reason, status, score, ...
bool is_outcome_name(std::string_view name);

/// "signup_date", "created_at", "LastLogin", "ts": a moment.
bool is_time_name(std::string_view name);

/// Numbers that only name something: phone, zip, ... or an id.
bool is_code_name(std::string_view name);

}  // namespace tenure::data
