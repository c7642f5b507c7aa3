#include "audit/routes.hpp"

namespace modelops::audit {

api::Routes routes(Service& service) {
  using api::route;
  using enum http::Method;
  Service& s = service;
  return {
      route(get, "/api/v1/audit/records", "list_audit_records", audit_read,
            "What was done: your own acts; everybody's for those who see all", s, &Service::list_records),
      route(get, "/api/v1/audit/records/{record}", "get_audit_record", audit_read, "One audit record", s,
            &Service::get_record),
      route(get, "/api/v1/audit/records/{record}/proof", "get_audit_record_proof", audit_read,
            "Proof that a record is in the tree", s, &Service::inclusion_proof),
      route(get, "/api/v1/audit/head", "get_audit_head", audit_read, "The newest signed tree head", s, &Service::head),
      route(get, "/api/v1/audit/consistency", "get_audit_consistency", audit_read,
            "Proof that one tree is the beginning of another", s, &Service::consistency_proof),
      route(get, "/api/v1/audit/keys", "list_audit_keys", audit_read, "The public keys that sign tree heads", s,
            &Service::list_keys),
      route(post, "/api/v1/audit/keys", "rotate_audit_key", audit_rotate,
            "Sign with a new key from now on; the old ones still verify", s, &Service::rotate_key, {.status = 201}),
      route(get, "/api/v1/audit/export", "export_audit_trail", audit_export,
            "The whole trail as JSON Lines, for `modelops audit verify`", s, &Service::export_trail,
            {.content_type = "application/jsonl"}),
      route(post, "/api/v1/audit/erasures", "erase_audit_subject", audit_erase,
            "Make an actor's personal fields unreadable for ever; every proof still holds", s, &Service::erase),
      route(get, "/api/v1/audit/security-events", "list_security_events", identity::organizations_create,
            "Failures of nobody known, of the whole installation", s, &Service::list_security_events),
  };
}

}  // namespace modelops::audit
