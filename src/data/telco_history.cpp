#include "data/telco_history.h"

#include <cmath>
#include <utility>

namespace tenure::data {
namespace {

Column make_column(std::string name, ColumnType type, std::vector<std::int64_t> values) {
  Column column;
  column.name = std::move(name);
  column.type = type;
  column.values = std::move(values);
  return column;
}

}  // namespace

std::uint32_t TelcoHistory::add_customer(std::string id) {
  ids_.push_back(std::move(id));
  leavings_.emplace_back();
  return static_cast<std::uint32_t>(ids_.size() - 1);
}

void TelcoHistory::record_leaving(std::uint32_t customer, const Leaving& leaving) {
  leavings_[customer] = leaving;
}

void TelcoHistory::add_row(const TelcoCustomer& customer, const Row& row) {
  features_.append(customer);
  rows_.push_back(row);
}

Table TelcoHistory::labels(int horizon_months) const {
  const std::size_t n = rows_.size();
  std::vector<std::uint32_t> customers(n);
  std::vector<std::int64_t> times(n), churned(n), churned_at(n), known_at(n);
  std::vector<std::uint8_t> valid(n);
  for (std::size_t i = 0; i < n; ++i) {
    const Row& row = rows_[i];
    const Leaving& leaving = leavings_[row.customer];
    const bool is_positive = leaving.month <= row.month + horizon_months;
    customers[i] = row.customer;
    times[i] = row.at;
    churned[i] = is_positive ? 1 : 0;
    churned_at[i] = is_positive ? leaving.at : 0;
    valid[i] = is_positive ? 1 : 0;
    known_at[i] = is_positive ? leaving.known_at : row.horizon_end + row.label_delay;
  }
  Table table;
  table.columns.push_back(coded_column("customer_id", std::move(customers), ids_));
  table.columns.push_back(make_column("event_timestamp", ColumnType::kTimestamp, std::move(times)));
  table.columns.push_back(make_column("churned", ColumnType::kInteger, std::move(churned)));
  table.columns.push_back(make_column("churned_at", ColumnType::kTimestamp, std::move(churned_at)));
  table.columns.back().valid = std::move(valid);
  table.columns.push_back(
      make_column("label_known_at", ColumnType::kTimestamp, std::move(known_at)));
  return table;
}

Table TelcoHistory::snapshots(bool has_hazard) && {
  const std::size_t n = rows_.size();
  std::vector<std::uint32_t> customers(n);
  std::vector<std::int64_t> times(n), tickets(n), late(n);
  std::vector<double> usage(n), hazards(n);
  std::vector<std::uint8_t> usage_valid(n, 1);
  for (std::size_t i = 0; i < n; ++i) {
    const Row& row = rows_[i];
    customers[i] = row.customer;
    times[i] = row.at;
    tickets[i] = row.is_blind ? 0 : row.tickets;
    usage[i] = row.is_blind ? std::nan("") : row.usage_gb;
    usage_valid[i] = row.is_blind ? 0 : 1;
    late[i] = row.is_late ? 1 : 0;
    hazards[i] = row.hazard;
  }
  Table table;
  table.columns.push_back(coded_column("customer_id", std::move(customers), ids_));
  table.columns.push_back(make_column("event_timestamp", ColumnType::kTimestamp, times));
  // Everything in the row is known by the end of its month.
  table.columns.push_back(make_column("known_at", ColumnType::kTimestamp, std::move(times)));
  for (Column& column : std::move(features_).finish()) table.columns.push_back(std::move(column));
  table.columns.push_back(make_column("tickets", ColumnType::kInteger, std::move(tickets)));
  Column gigabytes;
  gigabytes.name = "usage_gb";
  gigabytes.values = std::move(usage);
  gigabytes.valid = std::move(usage_valid);
  table.columns.push_back(std::move(gigabytes));
  table.columns.push_back(make_column("late_payment", ColumnType::kInteger, std::move(late)));
  if (has_hazard) {
    Column hazard;
    hazard.name = "true_hazard";
    hazard.values = std::move(hazards);
    table.columns.push_back(std::move(hazard));
  }
  return table;
}

}  // namespace tenure::data
