// Generated from the migrations by `npm run types`: do not edit.

export type Json = string | number | boolean | null | { [key: string]: Json | undefined } | Json[];

export type Database = {
  public: {
    Tables: {
      proxy_tiers: {
        Row: {
          account_limit_bytes: number;
          bandwidth_limit_bytes: number;
          key_limit: number;
          rate_limit: number;
          self_serve: boolean;
          test_limit_bytes: number;
          tier: string;
          tunnel_limit: number;
        };
        ComputedFields: never;
        Insert: {
          account_limit_bytes: number;
          bandwidth_limit_bytes: number;
          key_limit?: number;
          rate_limit: number;
          self_serve: boolean;
          test_limit_bytes: number;
          tier: string;
          tunnel_limit: number;
        };
        Update: {
          account_limit_bytes?: number;
          bandwidth_limit_bytes?: number;
          key_limit?: number;
          rate_limit?: number;
          self_serve?: boolean;
          test_limit_bytes?: number;
          tier?: string;
          tunnel_limit?: number;
        };
        Relationships: [];
      };
    };
    Views: {
      proxy_key_summaries: {
        Row: {
          active: boolean | null;
          allowed_ips: string[] | null;
          bandwidth_limit_bytes: number | null;
          bandwidth_used_this_period_bytes: number | null;
          created_at: string | null;
          deleted_at: string | null;
          expires_at: string | null;
          grace_ends_at: string | null;
          id: string | null;
          key_id: string | null;
          label: string | null;
          last_used_at: string | null;
          limit_overrides: Json | null;
          live_mode: boolean | null;
          quota_used_up_by: string | null;
          rate_limit: number | null;
          rotated_at: string | null;
          state: string | null;
          suspended_at: string | null;
          suspended_reason: string | null;
          tier: string | null;
          tunnel_limit: number | null;
          user_id: string | null;
        };
        ComputedFields: never;
        Insert: {
          active?: boolean | null;
          allowed_ips?: string[] | null;
          bandwidth_limit_bytes?: number | null;
          bandwidth_used_this_period_bytes?: number | null;
          created_at?: string | null;
          deleted_at?: string | null;
          expires_at?: string | null;
          grace_ends_at?: string | null;
          id?: string | null;
          key_id?: string | null;
          label?: string | null;
          last_used_at?: string | null;
          limit_overrides?: Json | null;
          live_mode?: boolean | null;
          quota_used_up_by?: string | null;
          rate_limit?: number | null;
          rotated_at?: string | null;
          state?: string | null;
          suspended_at?: string | null;
          suspended_reason?: string | null;
          tier?: string | null;
          tunnel_limit?: number | null;
          user_id?: string | null;
        };
        Update: {
          active?: boolean | null;
          allowed_ips?: string[] | null;
          bandwidth_limit_bytes?: number | null;
          bandwidth_used_this_period_bytes?: number | null;
          created_at?: string | null;
          deleted_at?: string | null;
          expires_at?: string | null;
          grace_ends_at?: string | null;
          id?: string | null;
          key_id?: string | null;
          label?: string | null;
          last_used_at?: string | null;
          limit_overrides?: Json | null;
          live_mode?: boolean | null;
          quota_used_up_by?: string | null;
          rate_limit?: number | null;
          rotated_at?: string | null;
          state?: string | null;
          suspended_at?: string | null;
          suspended_reason?: string | null;
          tier?: string | null;
          tunnel_limit?: number | null;
          user_id?: string | null;
        };
        Relationships: [];
      };
    };
    Functions: {
      change_proxy_keys: {
        Args: { changes: Json; ids: string[] };
        Returns: Database['public']['CompositeTypes']['proxy_key_changes'];
        SetofOptions: {
          from: '*';
          to: 'proxy_key_changes';
          isOneToOne: true;
          isSetofReturn: false;
        };
      };
      claim_proxy_deliveries: {
        Args: { most: number };
        Returns: Database['public']['CompositeTypes']['proxy_delivery'][];
        SetofOptions: {
          from: '*';
          to: 'proxy_delivery';
          isOneToOne: false;
          isSetofReturn: true;
        };
      };
      create_proxy_webhook: {
        Args: {
          kind: string;
          label?: string;
          operator?: boolean;
          routing_key?: string;
          types?: string[];
          url?: string;
        };
        Returns: Database['public']['CompositeTypes']['proxy_webhook'];
        SetofOptions: {
          from: '*';
          to: 'proxy_webhook';
          isOneToOne: true;
          isSetofReturn: false;
        };
      };
      delete_proxy_key: {
        Args: { id: string };
        Returns: {
          active: boolean | null;
          allowed_ips: string[] | null;
          bandwidth_limit_bytes: number | null;
          bandwidth_used_this_period_bytes: number | null;
          created_at: string | null;
          deleted_at: string | null;
          expires_at: string | null;
          grace_ends_at: string | null;
          id: string | null;
          key_id: string | null;
          label: string | null;
          last_used_at: string | null;
          limit_overrides: Json | null;
          live_mode: boolean | null;
          quota_used_up_by: string | null;
          rate_limit: number | null;
          rotated_at: string | null;
          state: string | null;
          suspended_at: string | null;
          suspended_reason: string | null;
          tier: string | null;
          tunnel_limit: number | null;
          user_id: string | null;
        };
        SetofOptions: {
          from: '*';
          to: 'proxy_key_summaries';
          isOneToOne: true;
          isSetofReturn: false;
        };
      };
      delete_proxy_webhook: { Args: { id: string; operator?: boolean }; Returns: undefined };
      export_proxy_key_events: {
        Args: {
          code?: string;
          cursor?: string;
          from?: string;
          id: string;
          status_code?: number;
          target_host?: string;
          to?: string;
        };
        Returns: Database['public']['CompositeTypes']['proxy_csv_part'];
        SetofOptions: {
          from: '*';
          to: 'proxy_csv_part';
          isOneToOne: true;
          isSetofReturn: false;
        };
      };
      export_proxy_keys: {
        Args: {
          active?: boolean;
          cursor?: string;
          label?: string;
          live_mode?: boolean;
          search?: string;
          sort?: string;
          state?: string;
          tier?: string;
        };
        Returns: Database['public']['CompositeTypes']['proxy_csv_part'];
        SetofOptions: {
          from: '*';
          to: 'proxy_csv_part';
          isOneToOne: true;
          isSetofReturn: false;
        };
      };
      export_proxy_usage_outcomes: {
        Args: {
          from?: string;
          interval?: string;
          key_id?: string;
          period?: string;
          sort?: string;
          to?: string;
        };
        Returns: Database['public']['CompositeTypes']['proxy_csv_part'];
        SetofOptions: {
          from: '*';
          to: 'proxy_csv_part';
          isOneToOne: true;
          isSetofReturn: false;
        };
      };
      export_proxy_usage_targets: {
        Args: {
          by?: string;
          from?: string;
          key_id?: string;
          period?: string;
          sort?: string;
          to?: string;
        };
        Returns: Database['public']['CompositeTypes']['proxy_csv_part'];
        SetofOptions: {
          from: '*';
          to: 'proxy_csv_part';
          isOneToOne: true;
          isSetofReturn: false;
        };
      };
      find_proxy_account: {
        Args: { user: string };
        Returns: Database['public']['CompositeTypes']['proxy_account_state'];
        SetofOptions: {
          from: '*';
          to: 'proxy_account_state';
          isOneToOne: true;
          isSetofReturn: false;
        };
      };
      find_proxy_key: {
        Args: { id: string };
        Returns: Database['public']['CompositeTypes']['proxy_key_reading'];
        SetofOptions: {
          from: '*';
          to: 'proxy_key_reading';
          isOneToOne: true;
          isSetofReturn: false;
        };
      };
      find_proxy_keys: {
        Args: {
          active?: boolean;
          cursor?: string;
          key_id?: string;
          label?: string;
          limit?: number;
          live_mode?: boolean;
          state?: string;
          tier?: string;
          user?: string;
        };
        Returns: Database['public']['CompositeTypes']['proxy_page'];
        SetofOptions: {
          from: '*';
          to: 'proxy_page';
          isOneToOne: true;
          isSetofReturn: false;
        };
      };
      get_proxy_key: {
        Args: { id: string };
        Returns: {
          active: boolean | null;
          allowed_ips: string[] | null;
          bandwidth_limit_bytes: number | null;
          bandwidth_used_this_period_bytes: number | null;
          created_at: string | null;
          deleted_at: string | null;
          expires_at: string | null;
          grace_ends_at: string | null;
          id: string | null;
          key_id: string | null;
          label: string | null;
          last_used_at: string | null;
          limit_overrides: Json | null;
          live_mode: boolean | null;
          quota_used_up_by: string | null;
          rate_limit: number | null;
          rotated_at: string | null;
          state: string | null;
          suspended_at: string | null;
          suspended_reason: string | null;
          tier: string | null;
          tunnel_limit: number | null;
          user_id: string | null;
        };
        SetofOptions: {
          from: '*';
          to: 'proxy_key_summaries';
          isOneToOne: true;
          isSetofReturn: false;
        };
      };
      grant_proxy_tier: {
        Args: { reason: string; tier: string; user: string };
        Returns: Database['public']['CompositeTypes']['proxy_tier_grant'];
        SetofOptions: {
          from: '*';
          to: 'proxy_tier_grant';
          isOneToOne: true;
          isSetofReturn: false;
        };
      };
      list_own_proxy_tier_grants: {
        Args: Record<PropertyKey, never>;
        Returns: Database['public']['CompositeTypes']['proxy_tier_grant'][];
        SetofOptions: {
          from: '*';
          to: 'proxy_tier_grant';
          isOneToOne: false;
          isSetofReturn: true;
        };
      };
      list_proxy_alert_thresholds: {
        Args: Record<PropertyKey, never>;
        Returns: Database['public']['CompositeTypes']['proxy_alert_threshold'][];
        SetofOptions: {
          from: '*';
          to: 'proxy_alert_threshold';
          isOneToOne: false;
          isSetofReturn: true;
        };
      };
      list_proxy_alerts: {
        Args: { cursor?: string; id?: string; limit?: number; type?: string };
        Returns: Database['public']['CompositeTypes']['proxy_page'];
        SetofOptions: {
          from: '*';
          to: 'proxy_page';
          isOneToOne: true;
          isSetofReturn: false;
        };
      };
      list_proxy_deliveries: {
        Args: { cursor?: string; limit?: number; operator?: boolean; webhook_id: string };
        Returns: Database['public']['CompositeTypes']['proxy_page'];
        SetofOptions: {
          from: '*';
          to: 'proxy_page';
          isOneToOne: true;
          isSetofReturn: false;
        };
      };
      list_proxy_key_audit: {
        Args: { as_admin?: boolean; cursor?: string; id?: string; limit?: number };
        Returns: Database['public']['CompositeTypes']['proxy_page'];
        SetofOptions: {
          from: '*';
          to: 'proxy_page';
          isOneToOne: true;
          isSetofReturn: false;
        };
      };
      list_proxy_key_events: {
        Args: {
          as_admin?: boolean;
          code?: string;
          cursor?: string;
          from?: string;
          id: string;
          limit?: number;
          page?: number;
          status_code?: number;
          target_host?: string;
          to?: string;
        };
        Returns: Database['public']['CompositeTypes']['proxy_page'];
        SetofOptions: {
          from: '*';
          to: 'proxy_page';
          isOneToOne: true;
          isSetofReturn: false;
        };
      };
      list_proxy_keys: {
        Args: {
          active?: boolean;
          cursor?: string;
          label?: string;
          limit?: number;
          live_mode?: boolean;
          search?: string;
          sort?: string;
          state?: string;
          tier?: string;
        };
        Returns: Database['public']['CompositeTypes']['proxy_page'];
        SetofOptions: {
          from: '*';
          to: 'proxy_page';
          isOneToOne: true;
          isSetofReturn: false;
        };
      };
      list_proxy_tier_grants: {
        Args: { cursor?: string; limit?: number; tier?: string; user?: string };
        Returns: Database['public']['CompositeTypes']['proxy_page'];
        SetofOptions: {
          from: '*';
          to: 'proxy_page';
          isOneToOne: true;
          isSetofReturn: false;
        };
      };
      list_proxy_users: {
        Args: { cursor?: string; limit?: number; user?: string };
        Returns: Database['public']['CompositeTypes']['proxy_page'];
        SetofOptions: {
          from: '*';
          to: 'proxy_page';
          isOneToOne: true;
          isSetofReturn: false;
        };
      };
      list_proxy_webhooks: {
        Args: { operator?: boolean };
        Returns: Database['public']['CompositeTypes']['proxy_webhook'][];
        SetofOptions: {
          from: '*';
          to: 'proxy_webhook';
          isOneToOne: false;
          isSetofReturn: true;
        };
      };
      mint_proxy_key:
        | {
            Args: { '': Json };
            Returns: Database['public']['CompositeTypes']['minted_proxy_key'];
            SetofOptions: {
              from: '*';
              to: 'minted_proxy_key';
              isOneToOne: true;
              isSetofReturn: false;
            };
          }
        | {
            Args: {
              allowed_ips?: string[];
              expires_at?: string;
              idempotency_key?: string;
              label: string;
              live_mode?: boolean;
              tier?: string;
            };
            Returns: Database['public']['CompositeTypes']['minted_proxy_key'];
            SetofOptions: {
              from: '*';
              to: 'minted_proxy_key';
              isOneToOne: true;
              isSetofReturn: false;
            };
          };
      proxy_account: {
        Args: Record<PropertyKey, never>;
        Returns: Database['public']['CompositeTypes']['proxy_account_state'];
        SetofOptions: {
          from: '*';
          to: 'proxy_account_state';
          isOneToOne: true;
          isSetofReturn: false;
        };
      };
      proxy_health: { Args: Record<PropertyKey, never>; Returns: string };
      proxy_key_attention: {
        Args: { limit?: number };
        Returns: Database['public']['CompositeTypes']['proxy_key_attention'];
        SetofOptions: {
          from: '*';
          to: 'proxy_key_attention';
          isOneToOne: true;
          isSetofReturn: false;
        };
      };
      proxy_schema_version: {
        Args: Record<PropertyKey, never>;
        Returns: Database['public']['CompositeTypes']['proxy_schema_version'];
        SetofOptions: {
          from: '*';
          to: 'proxy_schema_version';
          isOneToOne: true;
          isSetofReturn: false;
        };
      };
      proxy_usage_by_key: {
        Args: {
          active?: boolean;
          cursor?: string;
          label?: string;
          limit?: number;
          live_mode?: boolean;
          period?: string;
          sort?: string;
          tier?: string;
        };
        Returns: Database['public']['CompositeTypes']['proxy_page'];
        SetofOptions: {
          from: '*';
          to: 'proxy_page';
          isOneToOne: true;
          isSetofReturn: false;
        };
      };
      proxy_usage_outcomes: {
        Args: {
          as_admin?: boolean;
          from?: string;
          interval?: string;
          key_id?: string;
          limit?: number;
          period?: string;
          sort?: string;
          to?: string;
        };
        Returns: Database['public']['CompositeTypes']['proxy_outcome_usage'];
        SetofOptions: {
          from: '*';
          to: 'proxy_outcome_usage';
          isOneToOne: true;
          isSetofReturn: false;
        };
      };
      proxy_usage_series: {
        Args: { as_admin?: boolean; from?: string; interval: string; key_id?: string; to?: string };
        Returns: Database['public']['CompositeTypes']['proxy_usage_timeline'];
        SetofOptions: {
          from: '*';
          to: 'proxy_usage_timeline';
          isOneToOne: true;
          isSetofReturn: false;
        };
      };
      proxy_usage_summary: {
        Args: { period?: string };
        Returns: Database['public']['CompositeTypes']['proxy_usage_totals'];
        SetofOptions: {
          from: '*';
          to: 'proxy_usage_totals';
          isOneToOne: true;
          isSetofReturn: false;
        };
      };
      proxy_usage_targets: {
        Args: {
          by?: string;
          from?: string;
          key_id?: string;
          limit?: number;
          period?: string;
          sort?: string;
          to?: string;
        };
        Returns: Database['public']['CompositeTypes']['proxy_target_usage'];
        SetofOptions: {
          from: '*';
          to: 'proxy_target_usage';
          isOneToOne: true;
          isSetofReturn: false;
        };
      };
      reactivate_proxy_key: {
        Args: { id: string; reason?: string };
        Returns: {
          active: boolean | null;
          allowed_ips: string[] | null;
          bandwidth_limit_bytes: number | null;
          bandwidth_used_this_period_bytes: number | null;
          created_at: string | null;
          deleted_at: string | null;
          expires_at: string | null;
          grace_ends_at: string | null;
          id: string | null;
          key_id: string | null;
          label: string | null;
          last_used_at: string | null;
          limit_overrides: Json | null;
          live_mode: boolean | null;
          quota_used_up_by: string | null;
          rate_limit: number | null;
          rotated_at: string | null;
          state: string | null;
          suspended_at: string | null;
          suspended_reason: string | null;
          tier: string | null;
          tunnel_limit: number | null;
          user_id: string | null;
        };
        SetofOptions: {
          from: '*';
          to: 'proxy_key_summaries';
          isOneToOne: true;
          isSetofReturn: false;
        };
      };
      report_proxy_deliveries: { Args: { results: Json }; Returns: number };
      resend_proxy_delivery: {
        Args: { id: string; operator?: boolean; webhook_id?: string };
        Returns: Database['public']['CompositeTypes']['proxy_webhook_delivery'];
        SetofOptions: {
          from: '*';
          to: 'proxy_webhook_delivery';
          isOneToOne: true;
          isSetofReturn: false;
        };
      };
      revoke_proxy_tier: {
        Args: { reason: string; tier: string; user: string };
        Returns: undefined;
      };
      rotate_proxy_key: {
        Args: { grace_seconds?: number; id: string; idempotency_key?: string };
        Returns: Database['public']['CompositeTypes']['rotated_proxy_key'];
        SetofOptions: {
          from: '*';
          to: 'rotated_proxy_key';
          isOneToOne: true;
          isSetofReturn: false;
        };
      };
      rotate_proxy_webhook: {
        Args: { id: string; operator?: boolean };
        Returns: Database['public']['CompositeTypes']['proxy_webhook'];
        SetofOptions: {
          from: '*';
          to: 'proxy_webhook';
          isOneToOne: true;
          isSetofReturn: false;
        };
      };
      set_proxy_account_limits: {
        Args: { limits: Json; reason: string; tier: string; user: string };
        Returns: Database['public']['CompositeTypes']['proxy_account_state'];
        SetofOptions: {
          from: '*';
          to: 'proxy_account_state';
          isOneToOne: true;
          isSetofReturn: false;
        };
      };
      set_proxy_alert_thresholds: {
        Args: { id?: string; percents: number[] };
        Returns: Database['public']['CompositeTypes']['proxy_alert_threshold'];
        SetofOptions: {
          from: '*';
          to: 'proxy_alert_threshold';
          isOneToOne: true;
          isSetofReturn: false;
        };
      };
      set_proxy_key_limits: {
        Args: { id: string; limits: Json; reason: string };
        Returns: {
          active: boolean | null;
          allowed_ips: string[] | null;
          bandwidth_limit_bytes: number | null;
          bandwidth_used_this_period_bytes: number | null;
          created_at: string | null;
          deleted_at: string | null;
          expires_at: string | null;
          grace_ends_at: string | null;
          id: string | null;
          key_id: string | null;
          label: string | null;
          last_used_at: string | null;
          limit_overrides: Json | null;
          live_mode: boolean | null;
          quota_used_up_by: string | null;
          rate_limit: number | null;
          rotated_at: string | null;
          state: string | null;
          suspended_at: string | null;
          suspended_reason: string | null;
          tier: string | null;
          tunnel_limit: number | null;
          user_id: string | null;
        };
        SetofOptions: {
          from: '*';
          to: 'proxy_key_summaries';
          isOneToOne: true;
          isSetofReturn: false;
        };
      };
      suspend_proxy_key: {
        Args: { id: string; reason: string };
        Returns: {
          active: boolean | null;
          allowed_ips: string[] | null;
          bandwidth_limit_bytes: number | null;
          bandwidth_used_this_period_bytes: number | null;
          created_at: string | null;
          deleted_at: string | null;
          expires_at: string | null;
          grace_ends_at: string | null;
          id: string | null;
          key_id: string | null;
          label: string | null;
          last_used_at: string | null;
          limit_overrides: Json | null;
          live_mode: boolean | null;
          quota_used_up_by: string | null;
          rate_limit: number | null;
          rotated_at: string | null;
          state: string | null;
          suspended_at: string | null;
          suspended_reason: string | null;
          tier: string | null;
          tunnel_limit: number | null;
          user_id: string | null;
        };
        SetofOptions: {
          from: '*';
          to: 'proxy_key_summaries';
          isOneToOne: true;
          isSetofReturn: false;
        };
      };
      test_proxy_webhook: {
        Args: { id: string; operator?: boolean };
        Returns: Database['public']['CompositeTypes']['proxy_webhook_delivery'];
        SetofOptions: {
          from: '*';
          to: 'proxy_webhook_delivery';
          isOneToOne: true;
          isSetofReturn: false;
        };
      };
      update_proxy_key: {
        Args: { changes: Json; id: string };
        Returns: {
          active: boolean | null;
          allowed_ips: string[] | null;
          bandwidth_limit_bytes: number | null;
          bandwidth_used_this_period_bytes: number | null;
          created_at: string | null;
          deleted_at: string | null;
          expires_at: string | null;
          grace_ends_at: string | null;
          id: string | null;
          key_id: string | null;
          label: string | null;
          last_used_at: string | null;
          limit_overrides: Json | null;
          live_mode: boolean | null;
          quota_used_up_by: string | null;
          rate_limit: number | null;
          rotated_at: string | null;
          state: string | null;
          suspended_at: string | null;
          suspended_reason: string | null;
          tier: string | null;
          tunnel_limit: number | null;
          user_id: string | null;
        };
        SetofOptions: {
          from: '*';
          to: 'proxy_key_summaries';
          isOneToOne: true;
          isSetofReturn: false;
        };
      };
      update_proxy_webhook: {
        Args: { changes: Json; id: string; operator?: boolean };
        Returns: Database['public']['CompositeTypes']['proxy_webhook'];
        SetofOptions: {
          from: '*';
          to: 'proxy_webhook';
          isOneToOne: true;
          isSetofReturn: false;
        };
      };
    };
    Enums: {
      [_ in never]: never;
    };
    CompositeTypes: {
      minted_proxy_key: {
        id: string | null;
        key_id: string | null;
        secret: string | null;
        basic_auth: string | null;
        label: string | null;
        tier: string | null;
        live_mode: boolean | null;
        bandwidth_limit_bytes: number | null;
        rate_limit: number | null;
        active: boolean | null;
        created_at: string | null;
        rotated_at: string | null;
      };
      proxy_account_state: {
        user_id: string | null;
        period: string | null;
        resets_at: string | null;
        tiers: Json | null;
      };
      proxy_alert_threshold: {
        api_key_id: string | null;
        key_id: string | null;
        percents: number[] | null;
        label: string | null;
      };
      proxy_csv_part: {
        csv: string | null;
        next_cursor: string | null;
      };
      proxy_delivery: {
        id: string | null;
        claim: string | null;
        kind: string | null;
        url: string | null;
        headers: Json | null;
        body: string | null;
        routing_key: string | null;
        address: string | null;
        alert: Json | null;
      };
      proxy_key_attention: {
        has_keys: boolean | null;
        states: Json | null;
        reasons: Json | null;
        keys: Json | null;
      };
      proxy_key_changes: {
        changed: number | null;
        unchanged: number | null;
      };
      proxy_key_reading: {
        key: Json | null;
        owner: Json | null;
        account: Json | null;
        last_event: Json | null;
      };
      proxy_outcome_usage: {
        interval: string | null;
        from: string | null;
        to: string | null;
        kept_from: string | null;
        sort: string | null;
        outcomes: Json | null;
        totals: Json | null;
        points: Json | null;
      };
      proxy_page: {
        items: Json | null;
        next_cursor: string | null;
      };
      proxy_schema_version: {
        version: number | null;
        oldest_functions_version: number | null;
      };
      proxy_target_usage: {
        from: string | null;
        to: string | null;
        kept_from: string | null;
        by: string | null;
        sort: string | null;
        targets: Json | null;
        totals: Json | null;
        other: Json | null;
        unlisted: Json | null;
      };
      proxy_tier_grant: {
        id: string | null;
        user_id: string | null;
        tier: string | null;
        granted_at: string | null;
        granted_by: string | null;
        reason: string | null;
      };
      proxy_usage_timeline: {
        interval: string | null;
        from: string | null;
        to: string | null;
        points: Json | null;
      };
      proxy_usage_totals: {
        period: string | null;
        total_bandwidth_bytes: number | null;
        total_requests: number | null;
        active_keys: number | null;
        tier_breakdown: Json | null;
      };
      proxy_webhook: {
        id: string | null;
        kind: string | null;
        label: string | null;
        address: string | null;
        types: string[] | null;
        created_at: string | null;
        last_delivered_at: string | null;
        failing_since: string | null;
        disabled_at: string | null;
        disabled_reason: string | null;
        secret: string | null;
      };
      proxy_webhook_delivery: {
        id: string | null;
        alert_id: string | null;
        type: string | null;
        occurred_at: string | null;
        state: string | null;
        attempts: number | null;
        next_attempt_at: string | null;
        attempt_log: Json | null;
      };
      rotated_proxy_key: {
        id: string | null;
        key_id: string | null;
        secret: string | null;
        basic_auth: string | null;
        label: string | null;
        tier: string | null;
        live_mode: boolean | null;
        bandwidth_limit_bytes: number | null;
        rate_limit: number | null;
        active: boolean | null;
        created_at: string | null;
        rotated_at: string | null;
        rotations_left: number | null;
        rotations_reset_seconds: number | null;
      };
    };
  };
};

type DatabaseWithoutInternals = Omit<Database, '__InternalSupabase'>;

type DefaultSchema = DatabaseWithoutInternals[Extract<keyof Database, 'public'>];

export type Tables<
  DefaultSchemaTableNameOrOptions extends
    | keyof (DefaultSchema['Tables'] & DefaultSchema['Views'])
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals;
  }
    ? keyof (DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions['schema']]['Tables'] &
        DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions['schema']]['Views'])
    : never = never,
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? (DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions['schema']]['Tables'] &
      DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions['schema']]['Views'])[TableName] extends {
      Row: infer R;
    }
    ? R
    : never
  : DefaultSchemaTableNameOrOptions extends keyof (DefaultSchema['Tables'] & DefaultSchema['Views'])
    ? (DefaultSchema['Tables'] & DefaultSchema['Views'])[DefaultSchemaTableNameOrOptions] extends {
        Row: infer R;
      }
      ? R
      : never
    : never;

export type TablesInsert<
  DefaultSchemaTableNameOrOptions extends
    | keyof DefaultSchema['Tables']
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals;
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions['schema']]['Tables']
    : never = never,
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions['schema']]['Tables'][TableName] extends {
      Insert: infer I;
    }
    ? I
    : never
  : DefaultSchemaTableNameOrOptions extends keyof DefaultSchema['Tables']
    ? DefaultSchema['Tables'][DefaultSchemaTableNameOrOptions] extends {
        Insert: infer I;
      }
      ? I
      : never
    : never;

export type TablesUpdate<
  DefaultSchemaTableNameOrOptions extends
    | keyof DefaultSchema['Tables']
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals;
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions['schema']]['Tables']
    : never = never,
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions['schema']]['Tables'][TableName] extends {
      Update: infer U;
    }
    ? U
    : never
  : DefaultSchemaTableNameOrOptions extends keyof DefaultSchema['Tables']
    ? DefaultSchema['Tables'][DefaultSchemaTableNameOrOptions] extends {
        Update: infer U;
      }
      ? U
      : never
    : never;

export type Enums<
  DefaultSchemaEnumNameOrOptions extends
    | keyof DefaultSchema['Enums']
    | { schema: keyof DatabaseWithoutInternals },
  EnumName extends DefaultSchemaEnumNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals;
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaEnumNameOrOptions['schema']]['Enums']
    : never = never,
> = DefaultSchemaEnumNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaEnumNameOrOptions['schema']]['Enums'][EnumName]
  : DefaultSchemaEnumNameOrOptions extends keyof DefaultSchema['Enums']
    ? DefaultSchema['Enums'][DefaultSchemaEnumNameOrOptions]
    : never;

export type CompositeTypes<
  PublicCompositeTypeNameOrOptions extends
    | keyof DefaultSchema['CompositeTypes']
    | { schema: keyof DatabaseWithoutInternals },
  CompositeTypeName extends PublicCompositeTypeNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals;
  }
    ? keyof DatabaseWithoutInternals[PublicCompositeTypeNameOrOptions['schema']]['CompositeTypes']
    : never = never,
> = PublicCompositeTypeNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[PublicCompositeTypeNameOrOptions['schema']]['CompositeTypes'][CompositeTypeName]
  : PublicCompositeTypeNameOrOptions extends keyof DefaultSchema['CompositeTypes']
    ? DefaultSchema['CompositeTypes'][PublicCompositeTypeNameOrOptions]
    : never;

export const Constants = {
  public: {
    Enums: {},
  },
} as const;
