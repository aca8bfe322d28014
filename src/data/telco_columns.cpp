#include "data/telco_columns.h"

#include <array>
#include <cmath>
#include <utility>

namespace tenure::data {
namespace {

using Words = std::string_view;
constexpr Words kGender[] = {"Female", "Male"};
constexpr Words kYesNo[] = {"No", "Yes"};
constexpr Words kLinesWords[] = {"No", "Yes", "No phone service"};
constexpr Words kInternetWords[] = {"DSL", "Fiber optic", "No"};
constexpr Words kAddonWords[] = {"No", "Yes", "No internet service"};
constexpr Words kContractWords[] = {"Month-to-month", "One year", "Two year", "Flex 6 month"};
constexpr Words kPaymentWords[] = {"Bank transfer (automatic)", "Credit card (automatic)",
                                   "Electronic check", "Mailed check", "E-check"};

template <TelcoAddon kAddon>
std::int64_t addon_code(const TelcoCustomer& c) {
  if (c.internet == TelcoInternet::kNone) return 2;
  return c.addons[kAddon] ? 1 : 0;
}

std::int64_t payment_code(const TelcoCustomer& c) {
  if (c.has_renamed_payment && c.payment == TelcoPayment::kElectronicCheck) return 4;
  return static_cast<std::int64_t>(c.payment);
}

using Customer = const TelcoCustomer&;
constexpr std::array kFields = std::to_array<TelcoField>({
    {"gender", ColumnType::kText, kGender,
     [](Customer c) -> std::int64_t { return c.is_male ? 1 : 0; }},
    {"SeniorCitizen",
     ColumnType::kInteger,
     {},
     [](Customer c) -> std::int64_t { return c.is_senior ? 1 : 0; }},
    {"Partner", ColumnType::kText, kYesNo,
     [](Customer c) -> std::int64_t { return c.has_partner ? 1 : 0; }},
    {"Dependents", ColumnType::kText, kYesNo,
     [](Customer c) -> std::int64_t { return c.has_dependents ? 1 : 0; }},
    {"tenure", ColumnType::kInteger, {}, [](Customer c) -> std::int64_t { return c.tenure; }},
    {"PhoneService", ColumnType::kText, kYesNo,
     [](Customer c) -> std::int64_t { return c.has_phone ? 1 : 0; }},
    {"MultipleLines", ColumnType::kText, kLinesWords,
     [](Customer c) -> std::int64_t { return !c.has_phone  ? 2
                                             : c.has_lines ? 1
                                                           : 0; }},
    {"InternetService", ColumnType::kText, kInternetWords,
     [](Customer c) { return static_cast<std::int64_t>(c.internet); }},
    {"OnlineSecurity", ColumnType::kText, kAddonWords, addon_code<kSecurity>},
    {"OnlineBackup", ColumnType::kText, kAddonWords, addon_code<kBackup>},
    {"DeviceProtection", ColumnType::kText, kAddonWords, addon_code<kProtection>},
    {"TechSupport", ColumnType::kText, kAddonWords, addon_code<kSupport>},
    {"StreamingTV", ColumnType::kText, kAddonWords, addon_code<kTv>},
    {"StreamingMovies", ColumnType::kText, kAddonWords, addon_code<kMovies>},
    {"Contract", ColumnType::kText, kContractWords,
     [](Customer c) { return static_cast<std::int64_t>(c.contract); }},
    {"PaperlessBilling", ColumnType::kText, kYesNo,
     [](Customer c) -> std::int64_t { return c.is_paperless ? 1 : 0; }},
    {"PaymentMethod", ColumnType::kText, kPaymentWords, payment_code},
    {"MonthlyCharges", ColumnType::kNumber, {}, [](Customer c) { return c.monthly_cents; }},
    {"TotalCharges",
     ColumnType::kNumber,
     {},
     [](Customer c) { return c.tenure == 0 ? TelcoField::kMissing : c.total_cents; }},
});

// Words that no row has would look like categories of the data.
void drop_unused_words(TextValues& texts) {
  std::vector<std::uint32_t> places(texts.dictionary.size(), 0);
  for (const std::uint32_t code : texts.codes) places[code] = 1;
  std::vector<std::string> used;
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (places[i] == 0) continue;
    places[i] = static_cast<std::uint32_t>(used.size());
    used.push_back(std::move(texts.dictionary[i]));
  }
  for (std::uint32_t& code : texts.codes) code = places[code];
  texts.dictionary = std::move(used);
}

}  // namespace

std::span<const TelcoField> telco_fields() {
  return kFields;
}

TelcoColumns::TelcoColumns() {
  for (const TelcoField& field : kFields) {
    Column column;
    column.name = field.name;
    column.type = field.type;
    if (field.type == ColumnType::kText) {
      column.values = TextValues{{}, {field.words.begin(), field.words.end()}};
    } else if (field.type == ColumnType::kInteger) {
      column.values = std::vector<std::int64_t>{};
    } else {
      column.values = std::vector<double>{};
    }
    columns_.push_back(std::move(column));
  }
}

void TelcoColumns::append(const TelcoCustomer& customer) {
  for (std::size_t i = 0; i < kFields.size(); ++i) {
    Column& column = columns_[i];
    const std::int64_t value = kFields[i].value(customer);
    if (column.type == ColumnType::kText) {
      std::get<TextValues>(column.values).codes.push_back(static_cast<std::uint32_t>(value));
    } else if (column.type == ColumnType::kInteger) {
      std::get<std::vector<std::int64_t>>(column.values).push_back(value);
    } else {
      auto& numbers = std::get<std::vector<double>>(column.values);
      const bool is_missing = value == TelcoField::kMissing;
      if (is_missing && column.valid.empty()) column.valid.assign(numbers.size(), 1);
      numbers.push_back(is_missing ? std::nan("") : static_cast<double>(value) / 100);
      if (!column.valid.empty()) column.valid.push_back(is_missing ? 0 : 1);
    }
  }
}

std::vector<Column> TelcoColumns::finish() && {
  for (Column& column : columns_) {
    if (column.type == ColumnType::kText) drop_unused_words(std::get<TextValues>(column.values));
  }
  return std::move(columns_);
}

Column coded_column(std::string name, std::vector<std::uint32_t> codes,
                    std::vector<std::string> dictionary) {
  Column column;
  column.name = std::move(name);
  column.type = ColumnType::kText;
  column.values = TextValues{std::move(codes), std::move(dictionary)};
  return column;
}

}  // namespace tenure::data
