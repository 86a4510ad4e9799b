"""A model's way into force and out of it: verdict, registry, model card, approval, deployment, who used what."""
