#include "data/telco_events.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "data/telco_columns.h"

namespace tenure::data {
namespace {

constexpr std::string_view kTypeWords[] = {
    "signup",       "plan_change", "invoice",      "payment", "late",           "ticket_open",
    "ticket_close", "usage_day",   "price_notice", "offer",   "cancel_request", "churn"};
// Topic 0 stands for none.
constexpr std::string_view kTopicWords[] = {"", "billing", "network", "device", "contract"};
constexpr core::Micros kIngestionMax = 7'200 * core::kMicrosPerSecond;
constexpr double kTicketDays = 2.0;

Column time_column(std::string name, std::vector<std::int64_t> times) {
  Column column;
  column.name = std::move(name);
  column.type = ColumnType::kTimestamp;
  column.values = std::move(times);
  return column;
}

}  // namespace

void TelcoEventLog::add(core::Random& random, const Event& event) {
  // Drawn even when nothing is kept, so that the switch changes no other draw.
  const auto lag = static_cast<core::Micros>(random.below(kIngestionMax));
  if (is_enabled_) rows_.push_back({event, event.known_at + lag});
}

void TelcoEventLog::add_ticket(core::Random& random, std::uint32_t customer, core::Micros at) {
  const auto topic = static_cast<std::uint32_t>(1 + random.below(std::size(kTopicWords) - 1));
  const auto open_days = random.gamma(1.0, kTicketDays);
  const auto closed = at + static_cast<core::Micros>(open_days * kMicrosPerDay);
  Event event{customer, TelcoEvent::kTicketOpen, at, at, std::nan(""), topic};
  add(random, event);
  event.type = TelcoEvent::kTicketClose;
  event.occurred_at = event.known_at = closed;
  add(random, event);
}

Table TelcoEventLog::table(const std::vector<std::string>& ids) && {
  std::stable_sort(rows_.begin(), rows_.end(), [](const Row& a, const Row& b) {
    return a.event.occurred_at < b.event.occurred_at;
  });
  const std::size_t n = rows_.size();
  std::vector<std::uint32_t> customers(n), types(n), topics(n);
  std::vector<std::int64_t> occurred(n), known(n), ingested(n);
  std::vector<double> amounts(n);
  std::vector<std::uint8_t> has_amount(n), has_topic(n);
  for (std::size_t i = 0; i < n; ++i) {
    const Event& event = rows_[i].event;
    customers[i] = event.customer;
    types[i] = static_cast<std::uint32_t>(event.type);
    occurred[i] = event.occurred_at;
    known[i] = event.known_at;
    ingested[i] = rows_[i].ingested_at;
    amounts[i] = event.amount;
    has_amount[i] = std::isnan(event.amount) ? 0 : 1;
    topics[i] = event.topic;
    has_topic[i] = event.topic == 0 ? 0 : 1;
  }
  Table table;
  table.columns.push_back(coded_column("customer_id", std::move(customers), ids));
  table.columns.push_back(
      coded_column("event_type", std::move(types), {std::begin(kTypeWords), std::end(kTypeWords)}));
  table.columns.push_back(time_column("occurred_at", std::move(occurred)));
  table.columns.push_back(time_column("known_at", std::move(known)));
  table.columns.push_back(time_column("ingested_at", std::move(ingested)));
  Column amount;
  amount.name = "amount";
  amount.values = std::move(amounts);
  amount.valid = std::move(has_amount);
  table.columns.push_back(std::move(amount));
  table.columns.push_back(
      coded_column("topic", std::move(topics), {std::begin(kTopicWords), std::end(kTopicWords)}));
  table.columns.back().valid = std::move(has_topic);
  return table;
}

}  // namespace tenure::data
