/** Bodies of the controller's REST; python/weft/controller/rest.py says what each field means. */

export interface End {
  workload: string;
  service: string;
  version: string;
}

export interface Edge {
  source: End;
  destination: End;
  tls: string;
  protocol: string;
  port: number;
  requests: number;
  failures: number;
  retries: number;
  retries_saved: number;
  connections: number;
  requests_per_second: number;
  success_rate: number | null;
  p50_ms: number | null;
  p90_ms: number | null;
  p99_ms: number | null;
  reasons: Record<string, number>;
}

export interface Service {
  name: string;
  declared: boolean;
  ports: { port: number; protocol: string; name: string | null }[];
  workloads: number;
  healthy: number;
  sources: Source[];
}

/** Where endpoints of a service are found that nobody registers. */
export interface Source {
  source: string;
  state: "pending" | "fresh" | "failing" | "stale";
  problem: string | null;
  endpoints: {
    address: string;
    /** null: the service's. */
    port: number | null;
    labels: Record<string, string>;
    health: "healthy" | "unhealthy" | "unknown";
    stale: boolean;
    answers: boolean | null;
  }[];
}

export interface Workload {
  name: string;
  service: string;
  version: string;
  zone: string;
  identity: string;
  health: "healthy" | "unhealthy" | "unknown" | "draining";
  health_reason: string;
  lease: "attached" | "lost";
  ports: { port: number; address: string; listen_port: number }[];
  proxy_version: string;
  certificate_not_after: number | null;
  sync: {
    connected: boolean;
    subscriptions: number;
    current: number;
    pending: string[];
    rejected: { kind: string; name: string; reason: string }[];
  };
  problems: string[];
}

export interface MeshEvent {
  id: number;
  at: number;
  kind: string;
  subject: string;
  text: string;
  severity: "info" | "warning" | "error";
}

export interface Revisions {
  revision: number;
  compiled_revision: number;
  started_at: number;
}

export interface Origin {
  file: string;
  line: number;
  column: number;
  rules: number[];
}

export interface Condition {
  type: string;
  status: "True" | "False" | "Unknown" | "Partial";
  reason: string;
  message: string;
}

export interface StatusObject {
  ref: string;
  revision: number;
  owner: string | null;
  origin: Origin | null;
  conditions: Condition[];
  programmed: { applied: number; needed: number; missing: { workload: string; reason: string }[] };
}

interface TargetRef {
  kind: string;
  name: string;
  namespace?: string;
}

export interface Resource {
  ref: string;
  revision: number;
  origin: Origin | null;
  document: {
    kind: string;
    metadata: { name: string; namespace?: string };
    spec?: { parentRefs?: TargetRef[]; targetRefs?: TargetRef[]; targetRef?: TargetRef; rules?: unknown[] };
  };
}

export interface Rule {
  rule_id: string;
  hits: number;
  audit_hits: number;
  last_hit_at: number | null;
  origin: Origin | null;
}

export interface Point {
  at: number;
  requests: number;
  failures: number;
  p50_ms: number | null;
  p90_ms: number | null;
  p99_ms: number | null;
}
