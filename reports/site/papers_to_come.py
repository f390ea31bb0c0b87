"""The papers of the catalogue that no method reproduces yet, by slug: title and arXiv number.

A paper that gets a file in `workloads/papers/` is counted there and left out of here.
"""

PAPERS_TO_COME = {
    "hyper": (
        (
            "HyPER: Bridging Exploration and Exploitation for Scalable LLM Reasoning with Hypothesis Path "
            "Expansion and Reduction"
        ),
        "2602.06527",
    ),
    "expertflow": (
        (
            "ExpertFlow: Optimized Expert Activation and Token Allocation for Efficient Mixture-of-Experts "
            "Inference"
        ),
        "2410.17954",
    ),
    "prism": (
        "Plan before Solving: Problem-Aware Strategy Routing for Mathematical Reasoning with LLMs",
        "2509.24377",
    ),
    "moe-survey": (
        "A Survey on Inference Optimization Techniques for Mixture of Experts Models",
        "2412.14219",
    ),
    "ec-dlm": (
        "Expert-Choice Routing Enables Adaptive Computation in Diffusion Language Models",
        "2604.01622",
    ),
    "agents-cost": (
        (
            "The Cost of Dynamic Reasoning: Demystifying AI Agents and Test-Time Scaling from an AI "
            "Infrastructure Perspective"
        ),
        "2506.04301",
    ),
    "harmony": (
        (
            "Adaptive Two-Stage Cloud Resource Scaling via Hierarchical Multi-Indicator Forecasting and "
            "Bayesian Decision-Making"
        ),
        "2408.01000",
    ),
    "mrt": ("Optimizing Test-Time Compute via Meta Reinforcement Fine-Tuning", "2503.07572"),
    "tutel": ("Tutel: Adaptive Mixture-of-Experts at Scale", "2206.03382"),
    "aptp": (
        "Not All Prompts Are Made Equal: Prompt-based Pruning of Text-to-Image Diffusion Models",
        "2406.12042",
    ),
    "e1": ("e1: Learning Adaptive Control of Reasoning Effort", "2510.27042"),
    "parathinker": (
        "ParaThinker: Native Parallel Thinking as a New Paradigm to Scale LLM Test-time Compute",
        "2509.04475",
    ),
    "scalerl": ("The Art of Scaling Reinforcement Learning Compute for LLMs", "2510.13786"),
    "agp": ("Adaptive Graph Pruning for Multi-Agent Communication", "2506.02951"),
    "alphaevolve": (
        "AlphaEvolve: A coding agent for scientific and algorithmic discovery",
        "2506.13131",
    ),
    "acg-survey": (
        "From Static Templates to Dynamic Runtime Graphs: A Survey of Workflow Optimization for LLM Agents",
        "2603.22386",
    ),
    "apr": ("Learning Adaptive Parallel Reasoning with Language Models", "2504.15466"),
    "amro-s": (
        "Efficient and Interpretable Multi-Agent LLM Routing via Ant Colony Optimization",
        "2603.12933",
    ),
    "self-healing-router": (
        "Graph-Based Self-Healing Tool Routing for Cost-Efficient LLM Agents",
        "2603.01548",
    ),
}
"""Slug -> (title, arXiv number)."""
